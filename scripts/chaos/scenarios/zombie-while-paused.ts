import type { BubbleExperiment } from '../drill.ts';
import { operatorActor } from '../operator.ts';
import type { BubbleScenario } from '../scenario.ts';

const afterThawMs = 3_000;
const recordStatesSql = `SELECT id::text AS id, concat_ws(' ', stage, status, epoch, code) AS state FROM drover.records WHERE run_id = $1`;

const movedWhilePaused = new WeakMap<BubbleExperiment, string[]>();

export const zombieWhilePaused: BubbleScenario = {
  name: 'zombie-while-paused',
  summary: 'workers are stopped with work in hand, the run is paused without them, and they wake: paused is paused',
  async injectFaults(drill) {
    const problems: string[] = [];
    movedWhilePaused.set(drill, problems);
    while ((await drill.progress.status()) === 'pending') await drill.progress.wait(50);
    for (const share of [0, 0.2, 0.4]) {
      await drill.progress.wait(500);
      await drill.progress.waitForShare(share);
      if (!drill.runEnded.signal.aborted) problems.push(...(await pauseWithFrozenWorkers(drill)));
    }
  },
  check: async (drill) => movedWhilePaused.get(drill) ?? [],
};

/** Half of the workers sleep through a pause; answers what moved when they woke. */
async function pauseWithFrozenWorkers({
  fleet,
  control,
  progress,
  probe,
  runId,
  recovery,
}: BubbleExperiment): Promise<string[]> {
  const sleepers = fleet.workers().slice(0, Math.ceil(fleet.workers().length / 2));
  for (const worker of sleepers) worker.freeze();
  await control.pause(runId, 'chaos', operatorActor);
  while ((await progress.status()) === 'pausing') await progress.wait(50);
  const before = await statesOf(probe, runId);
  for (const worker of sleepers) worker.thaw();
  await progress.wait(afterThawMs);
  const after = await statesOf(probe, runId);
  await recovery.measureDuring(() => control.resume(runId, 'chaos', operatorActor));
  return describeMoved(before, after);
}

async function statesOf(probe: BubbleExperiment['probe'], runId: string): Promise<ReadonlyMap<string, string>> {
  const rows = await probe.query<{ id: string; state: string }>(recordStatesSql, [runId]);
  return new Map(rows.map(({ id, state }) => [id, state]));
}

function describeMoved(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const others = [...after].filter(([id, state]) => before.get(id) !== state);
  if (others.length === 0 && before.size === after.size) return [];
  const [first] = others;
  const example = first ? `, record ${first[0]} from ${before.get(first[0]) ?? 'nothing'} to ${first[1]}` : '';
  return [`${others.length} records moved while the run was paused, by work that was taken back${example}`];
}
