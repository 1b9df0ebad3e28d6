import type { WorkerView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';
import { formatBytes } from '../text.ts';

/** One line a worker process. */
export function workersTable(workers: readonly WorkerView[], paint: Paint): string {
  return formatTable(
    workers,
    [
      { title: 'worker', value: (one) => one.id },
      {
        title: 'state',
        value: (one) => (one.alive ? 'alive' : 'silent'),
        tone: (one) => (one.alive ? 'green' : 'red'),
      },
      { title: 'host', value: (one) => `${one.host}:${one.pid}` },
      { title: 'queues', value: (one) => one.queues.join(',') },
      { title: 'at once', value: (one) => one.concurrency, right: true },
      { title: 'done', value: (one) => one.done, right: true },
      { title: 'CPU', value: (one) => `${one.cpuPercent} %`, right: true },
      { title: 'memory', value: (one) => `${one.rssMb} MB`, right: true },
      { title: 'at most', value: (one) => `${one.peakRssMb} MB`, right: true },
      { title: 'requests', value: (one) => totalTraffic(one, 'requests'), right: true },
      { title: 'sent', value: (one) => formatBytes(totalTraffic(one, 'sentBytes')), right: true },
      { title: 'received', value: (one) => formatBytes(totalTraffic(one, 'receivedBytes')), right: true },
      { title: 'loop lag', value: (one) => `${one.loopLagMs} ms`, right: true },
      { title: 'heard of', value: (one) => one.seenAt },
    ],
    paint,
  );
}

/** Over all upstreams. */
function totalTraffic({ traffic }: WorkerView, field: 'requests' | 'sentBytes' | 'receivedBytes'): number {
  return Object.values(traffic).reduce((all, one) => all + one[field], 0);
}
