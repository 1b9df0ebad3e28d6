import type { BubbleExperiment } from '../drill.ts';
import { operatorActor } from '../operator.ts';
import type { BubbleScenario } from '../scenario.ts';

const observeMs = 3_000;
const heldRecordsSql = `SELECT count(*) FILTER (WHERE dispatched_at IS NOT NULL)::int AS held,
  max(updated_at)::text AS last FROM drover.records WHERE run_id = $1`;

const pauseViolation = new WeakMap<BubbleExperiment, string>();

export const flushedWhilePaused: BubbleScenario = {
  name: 'flushed-while-paused',
  summary: 'Redis is emptied while the run is paused: it stays paused, and goes on when it is told to',
  async injectFaults(drill) {
    const { control, environment: ground, progress, probe, runId, recovery } = drill;
    await progress.waitForShare(0.2);
    await control.pause(runId, 'chaos', operatorActor);
    while ((await progress.status()) === 'pausing') await progress.wait(50);
    const [before] = await probe.query(heldRecordsSql, [runId]);
    await ground.redis.flush();
    await progress.wait(observeMs);
    const [after] = await probe.query(heldRecordsSql, [runId]);
    const status = await progress.status();
    if (status !== 'paused') pauseViolation.set(drill, `the run is ${status} and not paused`);
    if (JSON.stringify(before) !== JSON.stringify(after) || after?.held !== 0) {
      pauseViolation.set(drill, `records moved while paused: ${JSON.stringify([before, after])}`);
    }
    await recovery.measureDuring(() => control.resume(runId, 'chaos', operatorActor));
  },
  async check(drill) {
    const found = pauseViolation.get(drill);
    return found === undefined ? [] : [found];
  },
};
