import type { Redis } from 'ioredis';
import { withDeadline } from './connection.ts';

const deadlineMs = 1_000;
const channelOf = (prefix: string): string => `${prefix}:fleet:roll-call`;

/** Asks every worker process for a heartbeat now instead of within two seconds. */
export async function askForHeartbeats(redis: Redis, prefix: string): Promise<void> {
  await withDeadline(redis.publish(channelOf(prefix), ''), deadlineMs);
}

/**
 * Answers such calls. `connection` is a subscriber's and good for nothing else; while Redis is away nothing is heard,
 * and the heartbeat comes when it is due.
 */
export function answerRollCalls(connection: Redis, prefix: string, answer: () => void): void {
  connection.on('message', answer);
  // Sent again by the client itself with every new connection.
  connection.subscribe(channelOf(prefix)).catch(() => undefined);
}
