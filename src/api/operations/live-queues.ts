import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Producer } from '../../../queues/producer.ts';
import type { QueueName } from '../../../queues/table.ts';
import type { LiveQueues } from './queue-control.ts';

/** The producer's queues as the API counts, pauses and shows them. */
export function createLiveQueues(producer: Pick<Producer, 'queues' | 'depth'>): LiveQueues {
  return {
    names: [...producer.queues.keys()],
    counts: (name) => producer.depth(name as QueueName),
    async setPaused(name, paused) {
      const queue = producer.queues.get(name as QueueName);
      await (paused ? queue?.pause() : queue?.resume());
    },
    boardAdapters: () => [...producer.queues.values()].map((queue) => new BullMQAdapter(queue)),
  };
}
