import type { BubbleExperiment, BubbleScenario } from '../bubble.ts';
import { readDeaths } from '../instrumentation.ts';
import { describeItems, groupBy } from '../oracle/finding.ts';
import type { Worker, WorkerExit } from '../worker-processes.ts';

export const killWorkers: BubbleScenario = {
  name: 'kill-workers',
  summary: 'a worker is killed with SIGKILL every few seconds, and another takes its place',
  async injectFaults({ progress, recovery, fleet, random, runEnded, options }) {
    // On a machine where starting a worker takes longer than the pause between kills nothing would ever move; this many
    // last longer than the run on any other.
    for (let kills = 0; kills < Math.max(10, options.records / 100) && !runEnded.signal.aborted; kills += 1) {
      await progress.wait(options.killEvery * 1_000);
      // On a machine too busy to start a worker in that time, as soon as one has.
      while (!runEnded.signal.aborted && !(await recovery.measureDuring(() => fleet.kill(random))))
        await progress.wait(200);
    }
  },
};

export const killedAtSteps: BubbleScenario = {
  name: 'killed-at-steps',
  summary:
    'workers die right before and right after each step: opening, claiming, writing, finishing, handing on, storing a page',
  setup: {
    instrumentedWorkerArgs: (journal) => ['--die', journal],
    workersMayDie: true,
    // What kills here is the fault and not the record.
    env: { DROVER_MAX_ATTEMPTS: '20' },
  },
  async injectFaults({ recovery, progress, runEnded, journal }) {
    await recovery.measureDuring(async () => {
      while (!runEnded.signal.aborted && readDeaths(journal).length < 6) await progress.wait(200);
    });
  },
  async check({ journal }) {
    const steps = [...groupBy(readDeaths(journal), ({ step }) => step)].map(([step, all]) => `${all.length} ${step}`);
    console.log(`     workers died ${steps.join(', ')}`);
    return steps.length > 1 ? [] : [`workers died at ${steps.length} kinds of steps only`];
  },
};

// Twice the lock and the lease: its work is dispatched to others while it is stopped.
const frozenMs = 6_000;

export const zombie: BubbleScenario = {
  name: 'zombie',
  summary: 'a worker is stopped for longer than its locks hold, and goes on with work that others have done',
  async injectFaults({ fleet, progress, recovery, random, runEnded }) {
    for (const share of [0, 0.2]) {
      await progress.waitForShare(share);
      if (runEnded.signal.aborted) return;
      await recovery.measureDuring(async () => {
        const worker = random.pick(fleet.workers());
        worker.freeze();
        await progress.wait(frozenMs);
        worker.thaw();
      });
    }
  },
};

export const frozenLeader: BubbleScenario = {
  name: 'frozen-leader',
  summary: 'the worker that runs the scheduler is stopped for good; its connection stays open',
  async injectFaults(experiment) {
    await experiment.progress.waitForShare(0);
    await experiment.recovery.measureDuring(async () => (await freezeLeader(experiment)) !== undefined);
  },
};

/** The leader is the worker whose connection falls silent with it. */
async function freezeLeader({ fleet, progress, probe }: BubbleExperiment): Promise<Worker | undefined> {
  for (const worker of fleet.workers()) {
    worker.freeze();
    await progress.wait(1_500);
    const [leader] = await probe.query<{ silent: boolean }>(
      `SELECT bool_and(state_change < now() - interval '1 second') AS silent FROM pg_stat_activity a
       JOIN pg_locks l USING (pid) WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.granted
         AND a.application_name = 'drover leader'`,
    );
    if (leader?.silent) return worker;
    worker.thaw();
  }
  return undefined;
}

const shutdownProblems = new WeakMap<BubbleExperiment, string[]>();

export const drain: BubbleScenario = {
  name: 'drain',
  summary: 'workers get SIGTERM, one after the other, under load: each ends by itself and loses no work',
  // Locks as in production: short ones expire on a busy machine although the worker is alive, and look like its death.
  setup: {
    env: { DROVER_LOCK_DURATION_MS: '30000', DROVER_STALLED_INTERVAL_MS: '15000', DROVER_SWEEP_AGE_MS: '60000' },
  },
  async injectFaults(experiment) {
    const { fleet, progress, runEnded } = experiment;
    const problems: string[] = [];
    shutdownProblems.set(experiment, problems);
    for (let n = 0; n < 4 && !runEnded.signal.aborted; n += 1) {
      await progress.wait(1_500);
      const worker = fleet.workers().find((one) => one.isReady);
      if (!worker || runEnded.signal.aborted) continue;
      await fleet.add().ready;
      problems.push(...checkExit(await experiment.recovery.measureDuring(() => worker.end('SIGTERM'))));
    }
  },
  async check(experiment) {
    const lost = await experiment.probe.query<{ stage: string; entity: string }>(
      `SELECT stage, entity FROM drover.tries WHERE run_id = $1 AND code = 'WORKER_LOST'`,
      [experiment.runId],
    );
    const came = lost.map(({ stage, entity }) => `${entity} at ${stage}`);
    return [
      ...(shutdownProblems.get(experiment) ?? []),
      ...describeItems('records that came back as from a dead worker', came),
    ];
  },
};

/** A worker that has not drained ten seconds after its grace period ends itself with 1 (`workers/main.ts`). */
function checkExit(exit: WorkerExit): string[] {
  return exit.code === 0 ? [] : [`a worker ended with ${exit.signal ?? exit.code}`];
}

export const wrongClocks: BubbleScenario = {
  name: 'wrong-clocks',
  summary: 'the clock of one worker is ten minutes ahead and that of another an hour behind; one of all is killed',
  setup: { clockOffsetsMs: [600_000, -3_600_000, 0, 0] },
  async injectFaults({ fleet, progress, recovery, random, runEnded }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      while (!runEnded.signal.aborted && !(await recovery.measureDuring(() => fleet.kill(random))))
        await progress.wait(200);
    }
  },
};
