import type { BubbleExperiment } from '../drill.ts';
import { describeItems } from '../oracle/finding.ts';
import type { BubbleScenario } from '../scenario.ts';
import type { WorkerExit } from '../worker.ts';

// The grace period of a drill's workers and a little for the process to end.
const maxShutdownMs = 7_000;
const shutdownProblems = new WeakMap<BubbleExperiment, string[]>();

export const drain: BubbleScenario = {
  name: 'drain',
  summary: 'workers are told to end, one after the other, under load: each does, in time, and loses no work',
  // Locks as in production: on a starved machine short ones are lost without anybody's fault, and look like a death.
  setup: {
    env: { DROVER_LOCK_DURATION_MS: '30000', DROVER_STALLED_INTERVAL_MS: '15000', DROVER_SWEEP_AGE_MS: '60000' },
  },
  async injectFaults(drill) {
    const { fleet, progress, runEnded: over } = drill;
    const problems: string[] = [];
    shutdownProblems.set(drill, problems);
    for (let n = 0; n < 4 && !over.signal.aborted; n += 1) {
      await progress.wait(1_500);
      const worker = fleet.workers().find((one) => one.isReady);
      if (!worker || over.signal.aborted) continue;
      await fleet.add().ready;
      const began = Date.now();
      const exit = await drill.recovery.measureDuring(() => worker.end('SIGTERM'));
      problems.push(...checkExit(exit, Date.now() - began));
    }
  },
  async check(drill) {
    const lost = await drill.probe.query<{ stage: string; entity: string }>(
      `SELECT stage, entity FROM drover.tries WHERE run_id = $1 AND code = 'WORKER_LOST'`,
      [drill.runId],
    );
    const came = lost.map(({ stage, entity }) => `${entity} at ${stage}`);
    return [
      ...(shutdownProblems.get(drill) ?? []),
      ...describeItems('records that came back as from a dead worker', came),
    ];
  },
};

function checkExit(exit: WorkerExit, ms: number): string[] {
  if (ms > maxShutdownMs) return [`a worker took ${ms} ms to end`];
  return exit.code === 0 ? [] : [`a worker ended with ${exit.signal ?? exit.code}`];
}
