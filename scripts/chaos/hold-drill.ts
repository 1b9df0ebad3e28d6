import { setTimeout as sleep } from 'node:timers/promises';
import { type Drill, type DrillOptions, openDrill } from './drill.ts';
import type { Ground } from './ground.ts';
import { askOracle } from './oracle/ask.ts';
import { few } from './oracle/finding.ts';
import type { Scenario } from './scenario.ts';

/** What a drill showed. */
export interface Result {
  readonly name: string;
  readonly seed: number;
  readonly ok: boolean;
  readonly records: number;
  readonly kills: number;
  /** Times that something was broken; 0 would make any result worthless. */
  readonly faults: number;
  readonly lost: number;
  readonly doubled: number;
  /** The longest time from the end of a fault until all that was in flight at its beginning had moved on. */
  readonly recoveryMs: number;
  readonly seconds: number;
  readonly problems: readonly string[];
}

const ends = ['completed', 'completed_with_failures', 'failed', 'cancelled'];
// At the slowest anybody would wait for: a fault that stops a run is found by this and not by the test's own limit.
const patienceMs = (records: number): number => 90_000 + records * 20;

/** Holds a drill to its end and asks the oracle what came of it. */
export async function holdDrill(ground: Ground, scenario: Scenario, options: DrillOptions): Promise<Result> {
  const drill = await openDrill(ground, scenario, options);
  const began = Date.now();
  try {
    const injected = scenario.inject(drill).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await untilEnded(drill, began + patienceMs(options.records));
    const seconds = (Date.now() - began) / 1_000;
    drill.over.abort();
    const deaths = scenario.setup?.mayDie ? [] : few('workers that ended by themselves', drill.fleet.deaths);
    await scenario.settled?.(drill, drill.expectation);
    const wrong = [
      ...(await injected),
      ...(await judgeEnd(drill, status)),
      ...deaths,
      ...((await scenario.check?.(drill)) ?? []),
    ];
    const run = { id: drill.runId, schema: drill.schema };
    const finding = await askOracle(drill.probe, run, drill.expectation, drill.sandbox.manifest.sums);
    const faults = drill.recovery.faults + drill.sandbox.faults.tally().reduce((sum, rule) => sum + rule.fired, 0);
    const idle = faults === 0 && !scenario.setup?.prepare ? ['no fault struck before the run was over'] : [];
    const problems = [...wrong, ...idle, ...finding.problems];
    return {
      name: scenario.name,
      seed: options.seed,
      ok: problems.length === 0,
      records: [...drill.expectation.values()].reduce((sum, records) => sum + records.size, 0),
      kills: drill.fleet.kills,
      faults,
      lost: finding.lost,
      doubled: finding.doubled,
      recoveryMs: await drill.recovery.longest(),
      seconds,
      problems,
    };
  } finally {
    await drill.close();
  }
}

async function untilEnded(drill: Drill, deadline: number): Promise<string> {
  for (;;) {
    const status = await drill.progress.status();
    if (ends.includes(status) || Date.now() > deadline) return status;
    await sleep(100);
  }
}

async function judgeEnd(drill: Drill, status: string): Promise<string[]> {
  const run = await drill.control.run(drill.runId);
  const clean = [...drill.expectation.values()].every((records) =>
    [...records.values()].every(({ outcome }) => outcome === 'reconciled' || outcome === 'skipped'),
  );
  const wanted = clean ? 'completed' : 'completed_with_failures';
  return [
    ...(status === wanted ? [] : [`the run is ${status}, not ${wanted}: ${run.reason}`]),
    ...(run.balanced ? [] : ['the run says of itself that it is not balanced']),
    ...(/validation|SOURCE_/.test(run.reason ?? '') ? [`the run complains: ${run.reason}`] : []),
  ];
}
