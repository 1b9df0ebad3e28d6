import { z } from 'zod';
import { stages } from '../src/engine/record-status.ts';

/**
 * The queues, one line each: a new queue is an entry here and a file in workers/. A job carries ledger ids and epochs
 * and nothing a person could be known by.
 */
export const queueNames = stages;
export type QueueName = (typeof queueNames)[number];

/** Records of one run: [ledger id, epoch]. */
export const recordsJob = z.object({
  run: z.string(),
  records: z.array(z.tuple([z.string(), z.number().int()])).min(1),
  /** May be what killed its last worker. */
  suspect: z.boolean().optional(),
});
export type RecordsJob = z.infer<typeof recordsJob>;

/** Pages of one entity of a run. */
export const pagesJob = z.object({ run: z.string(), entity: z.string(), epoch: z.number().int() });
export type PagesJob = z.infer<typeof pagesJob>;

export const queueTable = {
  extract: { data: z.union([recordsJob, pagesJob]), defaultConcurrency: 8 },
  transform: { data: recordsJob, defaultConcurrency: 100 },
  load: { data: recordsJob, defaultConcurrency: 100 },
  reconcile: { data: recordsJob, defaultConcurrency: 100 },
} as const satisfies Record<QueueName, { data: z.ZodType; defaultConcurrency: number }>;

/**
 * Options of every job. Tries of a job are for what hits the whole job (PostgreSQL away); tries of a record are counted
 * in the ledger. Finished jobs are kept for support to look at, bounded by number: at 800 bytes a job in Redis.
 */
export const jobOptions = {
  attempts: 8,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: { count: 500 },
  removeOnFail: { count: 2_000 },
} as const;
