import type { WorkerView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { table } from '../table.ts';

/** One line a worker process. */
export function workersTable(workers: readonly WorkerView[], paint: Paint): string {
  return table(
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
      { title: 'memory', value: (one) => `${one.rssMb} MB`, right: true },
      { title: 'loop lag', value: (one) => `${one.loopLagMs} ms`, right: true },
      { title: 'heard of', value: (one) => one.seenAt },
    ],
    paint,
  );
}
