import { createHash } from 'node:crypto';
import { z } from 'zod';
import { stages } from '../src/contract/record-status.ts';
import type { ExtractionJob, StageJob } from '../src/engine/ledger/types.ts';

/** The queues, one for each stage. A job carries ledger ids and epochs and no personal data. */
export const queueNames = stages;
export type QueueName = (typeof queueNames)[number];

/** Records of one run: [ledger id, epoch]. */
export const recordsJob = z.object({
  run: z.string(),
  records: z.array(z.tuple([z.string(), z.number().int()])).min(1),
  /** Its last worker was lost: to be processed alone. */
  suspect: z.boolean().optional(),
});
export type RecordsJob = z.infer<typeof recordsJob>;

/** Pages of one entity of a run. */
export const pagesJob = z.object({ run: z.string(), entity: z.string(), epoch: z.number().int() });
export type PagesJob = z.infer<typeof pagesJob>;

/**
 * Options of every job. Attempts of a job are for errors of the whole job (PostgreSQL away); tries of a record are counted
 * in the ledger. Finished jobs are kept for support, limited in number: 800 bytes a job in Redis.
 */
export const jobOptions = {
  attempts: 8,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: { count: 500 },
  removeOnFail: { count: 2_000 },
} as const;

/**
 * `<stage>-<run>-<hash>-e<epoch>`: the same work under the same epoch has the same id, so a repeated add changes
 * nothing. A retry has another epoch, because BullMQ ignores an id that it still keeps, even of a failed job. Never a
 * source id (an id such as `completed` would overwrite the queue's own keys), never a number, no colon.
 */
export function jobIdOf(job: StageJob): string {
  const epoch = Math.max(...job.refs.map((ref) => ref.epoch));
  return `${job.stage}-${job.runId}-${shortHash(job.refs.map((ref) => `${ref.id}.${ref.epoch}`).join())}-e${epoch}`;
}

/** The id of a job that reads pages. */
export function extractionJobIdOf(job: ExtractionJob): string {
  return `extract-${job.runId}-${shortHash(job.entity)}-e${job.epoch}`;
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
