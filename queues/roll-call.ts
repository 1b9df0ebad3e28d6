import type { Redis } from 'ioredis';
import { withDeadline } from './connection.ts';

const publishDeadlineMs = 1_000;
const heartbeatRequestChannel = (prefix: string): string => `${prefix}:fleet:roll-call`;

/** Asks every worker process for a heartbeat now instead of within two seconds. */
export async function requestHeartbeats(redis: Redis, prefix: string): Promise<void> {
  await withDeadline(redis.publish(heartbeatRequestChannel(prefix), ''), publishDeadlineMs);
}

/**
 * Answers such calls. `connection` is a subscriber's and good for nothing else; while Redis is away nothing is heard,
 * and the heartbeat comes when it is due.
 */
export function onHeartbeatRequest(connection: Redis, prefix: string, sendHeartbeat: () => void): void {
  connection.on('message', sendHeartbeat);
  // Sent again by the client itself with every new connection.
  connection.subscribe(heartbeatRequestChannel(prefix)).catch(() => undefined);
}
