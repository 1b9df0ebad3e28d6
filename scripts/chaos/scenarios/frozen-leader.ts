import type { Drill } from '../drill.ts';
import type { Scenario } from '../scenario.ts';
import type { Worker } from '../worker.ts';

export const frozenLeader: Scenario = {
  name: 'frozen-leader',
  summary: 'the worker that conducts is stopped and never wakes; its connection stays open',
  async inject(drill) {
    await drill.progress.until(0);
    await drill.recovery.during(async () => (await freezeLeader(drill)) !== undefined);
  },
};

/** The leader is whoever's connection falls silent with it. */
async function freezeLeader({ fleet, progress, probe }: Drill): Promise<Worker | undefined> {
  for (const worker of fleet.workers()) {
    worker.freeze();
    await progress.pause(1_500);
    const [leader] = await probe.ask<{ silent: boolean }>(
      `SELECT bool_and(state_change < now() - interval '1 second') AS silent FROM pg_stat_activity a
       JOIN pg_locks l USING (pid) WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.granted
         AND a.application_name = 'drover leader'`,
    );
    if (leader?.silent) return worker;
    worker.thaw();
  }
  return undefined;
}
