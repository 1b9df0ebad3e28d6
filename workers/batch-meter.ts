import type { Database } from '../db/client.ts';
import { changeTuning, type Tuned } from '../db/repositories/batch-tuning.ts';
import { type BatchTuning, type MeasuredJob, tuneStages } from '../src/engine/batch-size.ts';
import type { RunContexts } from '../src/engine/contexts.ts';
import type { Stage } from '../src/engine/record-status.ts';

const batchFlushMs = 500;
// A worker busy with one-record jobs finishes thousands between two writes, and a few dozen say the same.
const maxJobsPerFlush = 64;

export interface BatchMeter {
  /** Notes a finished job of a run. */
  record(runId: string, stage: Stage, job: MeasuredJob): void;
  stop(): Promise<void>;
}

type JobsByStage = Map<Stage, MeasuredJob[]>;

/**
 * Tells the fleet how long jobs took, twice a second, for runs whose batch size is `auto`. What a dying process had not
 * told is lost and measured again.
 */
export function createBatchMeter(database: Database, contexts: RunContexts): BatchMeter {
  let heard = new Map<string, JobsByStage>();

  async function tell(runId: string, measured: JobsByStage): Promise<void> {
    const { run } = await contexts.get(runId);
    if (run.batchTuning === null) return;
    await changeTuning(database, runId, (before: Tuned): BatchTuning => tuneStages(before, measured));
  }

  async function flush(): Promise<void> {
    const batch = heard;
    heard = new Map();
    await Promise.allSettled([...batch].map(([runId, measured]) => tell(runId, measured)));
  }

  const timer = setInterval(() => void flush(), batchFlushMs);
  timer.unref();
  return {
    record(runId, stage, job) {
      const measured = heard.get(runId) ?? new Map<Stage, MeasuredJob[]>();
      const jobs = measured.get(stage) ?? [];
      if (jobs.length < maxJobsPerFlush) jobs.push(job);
      heard.set(runId, measured.set(stage, jobs));
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
