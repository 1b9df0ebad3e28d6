import type { Drill } from '../drill.ts';
import { few } from '../oracle/finding.ts';
import type { Scenario } from '../scenario.ts';
import type { Exit } from '../worker.ts';

// The grace period of a drill's workers and a little for the process to end.
const patienceMs = 7_000;
const late = new WeakMap<Drill, string[]>();

export const drain: Scenario = {
  name: 'drain',
  summary: 'workers are told to end, one after the other, under load: each does, in time, and loses no work',
  // Locks as in production: on a starved machine short ones are lost without anybody's fault, and look like a death.
  setup: {
    env: { DROVER_LOCK_DURATION_MS: '30000', DROVER_STALLED_INTERVAL_MS: '15000', DROVER_SWEEP_AGE_MS: '60000' },
  },
  async inject(drill) {
    const { fleet, progress, over } = drill;
    const problems: string[] = [];
    late.set(drill, problems);
    for (let n = 0; n < 4 && !over.signal.aborted; n += 1) {
      await progress.pause(1_500);
      const worker = fleet.workers().find((one) => one.isReady);
      if (!worker || over.signal.aborted) continue;
      await fleet.add().ready;
      const began = Date.now();
      const exit = await drill.recovery.during(() => worker.end('SIGTERM'));
      problems.push(...verdict(exit, Date.now() - began));
    }
  },
  async check(drill) {
    const lost = await drill.probe.ask<{ stage: string; entity: string }>(
      `SELECT stage, entity FROM drover.tries WHERE run_id = $1 AND code = 'WORKER_LOST'`,
      [drill.runId],
    );
    const came = lost.map(({ stage, entity }) => `${entity} at ${stage}`);
    return [...(late.get(drill) ?? []), ...few('records that came back as from a dead worker', came)];
  },
};

function verdict(exit: Exit, ms: number): string[] {
  if (ms > patienceMs) return [`a worker took ${ms} ms to end`];
  return exit.code === 0 ? [] : [`a worker ended with ${exit.signal ?? exit.code}`];
}
