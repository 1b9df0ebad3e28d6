import type { Drill } from '../drill.ts';
import { operator } from '../operator.ts';
import type { Scenario } from '../scenario.ts';

const restMs = 3_000;
const still = `SELECT count(*) FILTER (WHERE dispatched_at IS NOT NULL)::int AS held,
  max(updated_at)::text AS last FROM drover.records WHERE run_id = $1`;

const moved = new WeakMap<Drill, string>();

export const flushedWhilePaused: Scenario = {
  name: 'flushed-while-paused',
  summary: 'Redis is emptied while the run is paused: it stays paused, and goes on when it is told to',
  async inject(drill) {
    const { control, ground, progress, probe, runId, recovery } = drill;
    await progress.until(0.2);
    await control.pause(runId, 'chaos', operator);
    while ((await progress.status()) === 'pausing') await progress.pause(50);
    const [before] = await probe.ask(still, [runId]);
    await ground.redis.flush();
    await progress.pause(restMs);
    const [after] = await probe.ask(still, [runId]);
    const status = await progress.status();
    if (status !== 'paused') moved.set(drill, `the run is ${status} and not paused`);
    if (JSON.stringify(before) !== JSON.stringify(after) || after?.held !== 0) {
      moved.set(drill, `records moved while paused: ${JSON.stringify([before, after])}`);
    }
    await recovery.during(() => control.resume(runId, 'chaos', operator));
  },
  async check(drill) {
    const found = moved.get(drill);
    return found === undefined ? [] : [found];
  },
};
