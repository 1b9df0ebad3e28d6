import type { QueueView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';

/** One line a queue, with its jobs in every state that any queue has. */
export function queuesTable(queues: readonly QueueView[], paint: Paint): string {
  const states = [...new Set(queues.flatMap((queue) => Object.keys(queue.counts ?? {})))];
  return formatTable(
    queues,
    [
      { title: 'queue', value: (queue) => queue.name },
      {
        title: 'state',
        value: (queue) => (queue.paused ? 'paused' : 'open'),
        tone: (queue) => (queue.paused ? 'yellow' : 'green'),
      },
      // Redis does not answer: that is not the same as nothing waiting.
      ...states.map((state) => ({
        title: state,
        value: (queue: QueueView) => queue.counts?.[state] ?? '?',
        right: true,
      })),
      {
        title: 'why paused',
        value: (queue) => (queue.paused ? `${queue.reason ?? ''} (${queue.pausedBy ?? '?'})` : ''),
      },
    ],
    paint,
  );
}
