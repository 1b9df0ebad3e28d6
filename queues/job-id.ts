import { createHash } from 'node:crypto';
import type { ExtractionJob, StageJob } from '../src/engine/ports.ts';

/**
 * `<stage>-<run>-<hash>-e<epoch>`: the same work under the same epoch has the same id, so a repeated add changes
 * nothing; a retry has another epoch, because BullMQ ignores an id it still keeps, even a failed one. Never a source
 * id (an id such as `completed` would overwrite the queue's own keys), never a number, no colon.
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
