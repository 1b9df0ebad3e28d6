import type { BubbleExperiment } from '../drill.ts';
import type { BubbleScenario } from '../scenario.ts';
import type { Worker } from '../worker.ts';

export const frozenLeader: BubbleScenario = {
  name: 'frozen-leader',
  summary: 'the worker that conducts is stopped and never wakes; its connection stays open',
  async injectFaults(drill) {
    await drill.progress.waitForShare(0);
    await drill.recovery.measureDuring(async () => (await freezeLeader(drill)) !== undefined);
  },
};

/** The leader is whoever's connection falls silent with it. */
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
