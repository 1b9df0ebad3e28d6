import type { Drill } from '../drill.ts';
import { operator } from '../operator.ts';
import type { Scenario } from '../scenario.ts';

const awakeMs = 3_000;
const records = `SELECT id::text AS id, concat_ws(' ', stage, status, epoch, code) AS state FROM drover.records WHERE run_id = $1`;

const moved = new WeakMap<Drill, string[]>();

export const zombieWhilePaused: Scenario = {
  name: 'zombie-while-paused',
  summary: 'workers are stopped with work in hand, the run is paused without them, and they wake: paused is paused',
  async inject(drill) {
    const problems: string[] = [];
    moved.set(drill, problems);
    while ((await drill.progress.status()) === 'pending') await drill.progress.pause(50);
    for (const share of [0, 0.2, 0.4]) {
      await drill.progress.pause(500);
      await drill.progress.until(share);
      if (!drill.over.signal.aborted) problems.push(...(await sleepThroughPause(drill)));
    }
  },
  check: async (drill) => moved.get(drill) ?? [],
};

/** Half of the workers sleep through a pause; answers what moved when they woke. */
async function sleepThroughPause({ fleet, control, progress, probe, runId, recovery }: Drill): Promise<string[]> {
  const sleepers = fleet.workers().slice(0, Math.ceil(fleet.workers().length / 2));
  for (const worker of sleepers) worker.freeze();
  await control.pause(runId, 'chaos', operator);
  while ((await progress.status()) === 'pausing') await progress.pause(50);
  const before = await statesOf(probe, runId);
  for (const worker of sleepers) worker.thaw();
  await progress.pause(awakeMs);
  const after = await statesOf(probe, runId);
  await recovery.during(() => control.resume(runId, 'chaos', operator));
  return movedBetween(before, after);
}

async function statesOf(probe: Drill['probe'], runId: string): Promise<ReadonlyMap<string, string>> {
  const rows = await probe.ask<{ id: string; state: string }>(records, [runId]);
  return new Map(rows.map(({ id, state }) => [id, state]));
}

function movedBetween(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const others = [...after].filter(([id, state]) => before.get(id) !== state);
  if (others.length === 0 && before.size === after.size) return [];
  const [first] = others;
  const example = first ? `, record ${first[0]} from ${before.get(first[0]) ?? 'nothing'} to ${first[1]}` : '';
  return [`${others.length} records moved while the run was paused, by work that was taken back${example}`];
}
