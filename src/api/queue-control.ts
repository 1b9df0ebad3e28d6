import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { QueuePause, QueuePauseStore } from '../../db/stores/fleet.ts';
import type { Producer } from '../../queues/producer.ts';
import { withDeadline } from '../../queues/redis.ts';
import type { QueueName } from '../../queues/table.ts';
import type { QueueView } from '../contract/fleet.ts';
import type { Actor } from '../contract/runs.ts';
import { DroverError } from '../errors.ts';
import type { BoardAdapter, QueueControl } from './types.ts';

/** The queues in Redis. Each call may fail or stay pending while Redis is unavailable. */
interface LiveQueues {
  readonly names: readonly string[];
  /** Jobs by state. */
  counts(name: string): Promise<Readonly<Record<string, number>>>;
  setPaused(name: string, paused: boolean): Promise<void>;
  boardAdapters(): readonly BoardAdapter[];
}

export interface QueueControlDeps {
  readonly pauses: QueuePauseStore;
  readonly live: LiveQueues;
  /** Called when Redis could not be updated; the scheduler restores pauses in Redis later. */
  readonly onError: (error: unknown) => void;
}

const redisDeadlineMs = 1_000;

/**
 * A pause is written to PostgreSQL first, with its audit row, and then applied in Redis, which loses it when it is emptied.
 * An unavailable Redis is not an error: the pause is stored, and the scheduler applies it when Redis is back.
 */
export function createQueueControl({ pauses, live, onError }: QueueControlDeps): QueueControl {
  const viewOf = async (name: string, pause: QueuePause | undefined): Promise<QueueView> => ({
    name,
    paused: pause !== undefined,
    pausedBy: pause?.pausedBy ?? null,
    pausedAt: pause?.pausedAt.toISOString() ?? null,
    reason: pause?.reason ?? null,
    counts: await withDeadline(live.counts(name), redisDeadlineMs).catch(() => null),
  });
  const list = async (names: readonly string[]): Promise<QueueView[]> => {
    const paused = new Map((await pauses.list()).map((pause) => [pause.queue, pause]));
    return Promise.all(names.map((name) => viewOf(name, paused.get(name))));
  };
  const change = async (name: string, paused: boolean, write: () => Promise<void>): Promise<QueueView> => {
    assertKnown(live.names, name);
    await write();
    await withDeadline(live.setPaused(name, paused), redisDeadlineMs).catch(onError);
    return (await list([name]))[0] as QueueView;
  };
  const auditEntry = (name: string, action: string, reason: string, actor: Actor) => ({
    ...{ actor: actor.id, role: actor.role, reason },
    ...{ action: `queue.${action}`, subject: `queue:${name}` },
  });
  return {
    list: () => list(live.names),
    pause: (name, reason, actor) =>
      change(name, true, () =>
        pauses.pause({ queue: name, reason, pausedBy: actor.id }, auditEntry(name, 'pause', reason, actor)),
      ),
    resume: (name, reason, actor) =>
      change(name, false, () => pauses.resume(name, auditEntry(name, 'resume', reason, actor))),
    boardAdapters: live.boardAdapters,
  };
}

function assertKnown(names: readonly string[], name: string): void {
  if (names.includes(name)) return;
  throw new DroverError('NOT_FOUND', `there is no queue ${name}`, { remedy: `Queues: ${names.join(', ')}.` });
}

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
