import type { BubbleExperiment, BubbleScenario } from '../bubble.ts';
import { operatorActor } from '../experiment.ts';

const startProblems = new WeakMap<BubbleExperiment, string[]>();

export const operators: BubbleScenario = {
  name: 'operators',
  summary: 'ten start the same migration at once while it runs, and others pause and resume it independently',
  async injectFaults(experiment) {
    const problems: string[] = [];
    startProblems.set(experiment, problems);
    const { control, progress, recovery, runId, runEnded, random } = experiment;
    const starts = await Promise.allSettled(
      Array.from({ length: 10 }, () => control.startRun({ plan: 'bubble' }, operatorActor)),
    );
    const second = starts.filter((start) => start.status === 'fulfilled').length;
    if (second > 0) problems.push(`${second} further runs were started into the same schema`);
    for (let n = 0; n < 8 && !runEnded.signal.aborted; n += 1) {
      await progress.wait(300 + random.int(0, 400));
      const calls = [control.pause, control.resume, control.pause, control.resume];
      await recovery.measureDuring(() =>
        Promise.allSettled(random.shuffle(calls).map((call) => call(runId, 'chaos', operatorActor))),
      );
    }
    await resumeUntilRunning(experiment);
  },
  check: async (experiment) => startProblems.get(experiment) ?? [],
};

/** Whatever the last request was, the run is resumed. */
async function resumeUntilRunning({ control, progress, runId, runEnded }: BubbleExperiment): Promise<void> {
  while (!runEnded.signal.aborted && (await progress.status()) !== 'running') {
    await control.resume(runId, 'chaos', operatorActor).catch(() => undefined);
    await progress.wait(100);
  }
}

const observeMs = 3_000;
const heldRecordsSql = `SELECT count(*) FILTER (WHERE dispatched_at IS NOT NULL)::int AS held,
  max(updated_at)::text AS last FROM drover.records WHERE run_id = $1`;

const pauseViolation = new WeakMap<BubbleExperiment, string>();

export const flushedWhilePaused: BubbleScenario = {
  name: 'flushed-while-paused',
  summary: 'Redis is emptied while the run is paused: it stays paused, and goes on when it is resumed',
  async injectFaults(experiment) {
    const { control, environment, progress, probe, runId, recovery } = experiment;
    await progress.waitForShare(0.2);
    await control.pause(runId, 'chaos', operatorActor);
    while ((await progress.status()) === 'pausing') await progress.wait(50);
    const [before] = await probe.query(heldRecordsSql, [runId]);
    await environment.redis.flush();
    await progress.wait(observeMs);
    const [after] = await probe.query(heldRecordsSql, [runId]);
    const status = await progress.status();
    if (status !== 'paused') pauseViolation.set(experiment, `the run is ${status} and not paused`);
    if (JSON.stringify(before) !== JSON.stringify(after) || after?.held !== 0) {
      pauseViolation.set(experiment, `records moved while paused: ${JSON.stringify([before, after])}`);
    }
    await recovery.measureDuring(() => control.resume(runId, 'chaos', operatorActor));
  },
  async check(experiment) {
    const found = pauseViolation.get(experiment);
    return found === undefined ? [] : [found];
  },
};

const afterThawMs = 3_000;
const recordStatesSql = `SELECT id::text AS id, concat_ws(' ', stage, status, epoch, code) AS state FROM drover.records WHERE run_id = $1`;

const movedWhilePaused = new WeakMap<BubbleExperiment, string[]>();

export const zombieWhilePaused: BubbleScenario = {
  name: 'zombie-while-paused',
  summary:
    'workers are stopped while they hold records, the run is paused without them, and they resume: nothing of the paused run moves',
  async injectFaults(experiment) {
    const problems: string[] = [];
    movedWhilePaused.set(experiment, problems);
    while ((await experiment.progress.status()) === 'pending') await experiment.progress.wait(50);
    for (const share of [0, 0.2, 0.4]) {
      await experiment.progress.wait(500);
      await experiment.progress.waitForShare(share);
      if (!experiment.runEnded.signal.aborted) problems.push(...(await pauseWithFrozenWorkers(experiment)));
    }
  },
  check: async (experiment) => movedWhilePaused.get(experiment) ?? [],
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
