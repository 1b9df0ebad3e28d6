import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from './experiment.ts';
import { type Expectation, sizeOf } from './oracle/expectation.ts';
import { describeItems, type Finding } from './oracle/finding.ts';

/** What an experiment showed. */
export interface ExperimentResult {
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

const finalStatuses = ['completed', 'completed_with_failures', 'failed', 'cancelled'];
// Generous on a busy machine; a fault that stops a run is found by this and not by the test's own limit.
const maxRunMs = (records: number): number => 240_000 + records * 20;

/** Waits for the run's end, or until patience runs out, and answers its status then. */
export async function waitForRunEnd({ progress, options }: Experiment, began: number): Promise<string> {
  const deadline = began + maxRunMs(options.records);
  for (;;) {
    const status = await progress.status();
    if (finalStatuses.includes(status) || Date.now() > deadline) return status;
    await sleep(100);
  }
}

/** What is wrong with the run's own report at its end. */
export async function checkRunEnd(running: Experiment, status: string, expectation: Expectation): Promise<string[]> {
  const run = await running.control.run(running.runId);
  const clean = [...expectation.values()].every((records) =>
    [...records.values()].every(({ outcome }) => outcome === 'reconciled' || outcome === 'skipped'),
  );
  const wanted = clean ? 'completed' : 'completed_with_failures';
  return [
    ...(status === wanted ? [] : [`the run is ${status}, not ${wanted}: ${run.reason}`]),
    ...(run.balanced ? [] : ['the run reports that it is not balanced']),
    ...(/validation|SOURCE_/.test(run.reason ?? '') ? [`the run reports: ${run.reason}`] : []),
  ];
}

/** Workers that ended without a request. */
export function checkWorkerDeaths({ fleet }: Experiment): string[] {
  return describeItems('workers that ended by themselves', fleet.deaths);
}

/** The experiment's result, from what was found wrong and what the oracle says. */
export async function makeResult(
  running: Experiment,
  name: string,
  seconds: number,
  expectation: Expectation,
  found: {
    /** Of the run, when it ended or patience ran out. */
    readonly status: string;
    readonly wrong: readonly string[];
    readonly finding: Finding;
    readonly faults: number;
  },
): Promise<ExperimentResult> {
  // What a run that is not over has not loaded yet is not lost.
  const isOver = finalStatuses.includes(found.status);
  const unfinished = [`not finished after ${seconds.toFixed(0)} s: the run is ${found.status}`];
  const problems = isOver ? [...found.wrong, ...found.finding.problems] : unfinished;
  return {
    ...{ name, seconds, problems, seed: running.options.seed, ok: problems.length === 0, faults: found.faults },
    records: sizeOf(expectation),
    kills: running.fleet.kills,
    lost: isOver ? found.finding.lost : 0,
    doubled: found.finding.doubled,
    recoveryMs: await running.recovery.longest(),
  };
}

/** One experiment, in a line for people; what went wrong below it. */
export function resultLine(result: ExperimentResult): string {
  const { name, seed, ok, records, kills, faults, lost, doubled, recoveryMs, seconds, problems } = result;
  const figures = `${records} records in ${seconds.toFixed(1)} s, ${faults} faults, ${kills} kills, ${lost} lost, ${doubled} doubled, recovered in ${recoveryMs} ms`;
  const head = `${ok ? 'ok  ' : 'FAIL'} ${name} (seed ${seed}): ${figures}`;
  return [head, ...problems.map((problem) => `     ${problem}`)].join('\n');
}

/** All experiments as one line for programs. */
export function resultsJson(results: readonly ExperimentResult[]): string {
  const sum = (of: (result: ExperimentResult) => number): number =>
    results.reduce((all, result) => all + of(result), 0);
  return JSON.stringify({
    records: sum((result) => result.records),
    kills: sum((result) => result.kills),
    lost: sum((result) => result.lost),
    doubled: sum((result) => result.doubled),
    recoveryMs: Math.max(0, ...results.map((result) => result.recoveryMs)),
    scenarios: results.map(({ name, seed, ok }) => ({ name, seed, ok })),
  });
}
