import type { QueueView, WorkerView } from '../answers.ts';
import { type Finding, okFinding, problemFinding, warningFinding } from './finding.ts';

/** Whether every queue has somebody to serve it, and nobody has stopped one and gone home. */
export function queueFindings(queues: readonly QueueView[], workers: readonly WorkerView[]): Finding[] {
  const alive = workers.filter((worker) => worker.alive);
  const places = (name: string): number =>
    alive.filter((one) => one.queues.includes(name)).reduce((sum, one) => sum + one.concurrency, 0);
  const unserved = queues.map((queue) => queue.name).filter((name) => places(name) === 0);
  return [
    unserved.length === 0
      ? okFinding('workers', `${alive.length} alive, every queue is served`)
      : problemFinding(
          'workers',
          `${alive.length} alive, nobody serves ${unserved.join(', ')}`,
          `Start one: npm run worker -- --queues ${unserved.join(',')}`,
        ),
    ...queues.filter((queue) => queue.paused).map(pausedFinding),
  ];
}

function pausedFinding(queue: QueueView): Finding {
  const detail = `${queue.name} is paused by ${queue.pausedBy ?? 'someone'}: ${queue.reason ?? 'no reason given'}`;
  return warningFinding('queues', detail, `drover queues resume ${queue.name} --reason TEXT`);
}
