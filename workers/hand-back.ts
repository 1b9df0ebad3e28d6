import { type Job, WaitingError } from 'bullmq';
import { pagesJob, recordsJob } from '../queues/table.ts';
import type { Services } from './services.ts';

/** Jobs under way that can be given back before they are done. */
export interface JobReleaser {
  /** Does the job's work, or ends sooner when it is given back: whatever still comes of the work then is too late. */
  run(job: Job, token: string | undefined, work: () => Promise<void>): Promise<void>;
  /** Gives back everything under way. */
  releaseAll(): void;
}

export function createJobReleaser(services: Services): JobReleaser {
  // Not BullMQ's signal: it would cost an AbortController a job, for something that happens once in a process's life.
  const underWay = new Set<() => void>();
  return {
    run: (job, token, work) =>
      new Promise((resolve, reject) => {
        const leave = (): void => void releaseJob(services, job, token).then(resolve, reject);
        underWay.add(leave);
        work()
          .finally(() => underWay.delete(leave))
          .then(resolve, reject);
      }),
    releaseAll: () => {
      for (const leave of underWay) leave();
    },
  };
}

/** Neither counts as a try nor as a stall, as the jobs of a worker would that was closed over them. */
async function releaseJob(services: Services, job: Job, token: string | undefined): Promise<void> {
  try {
    // The ledger gives it out again at once, under another epoch. This job has nothing left to say then, and ends.
    await releaseWork(services, job);
  } catch {
    // Without PostgreSQL the job itself goes back.
    await job.moveToWait(token);
    throw new WaitingError();
  }
}

async function releaseWork({ ledger, runs }: Services, job: Job): Promise<void> {
  const pages = pagesJob.safeParse(job.data);
  if (pages.success) return runs.yieldExtraction(pages.data.run, pages.data.entity, pages.data.epoch, 0);
  await ledger.release(recordsJob.parse(job.data).records.map(([id, epoch]) => ({ id, epoch })));
}
