import type { ExperimentResult } from './ending.ts';

/** One drill, in a line for people; what went wrong below it. */
export function resultLine(result: ExperimentResult): string {
  const { name, seed, ok, records, kills, faults, lost, doubled, recoveryMs, seconds, problems } = result;
  const figures = `${records} records in ${seconds.toFixed(1)} s, ${faults} faults, ${kills} kills, ${lost} lost, ${doubled} doubled, recovered in ${recoveryMs} ms`;
  const head = `${ok ? 'ok  ' : 'FAIL'} ${name} (seed ${seed}): ${figures}`;
  return [head, ...problems.map((problem) => `     ${problem}`)].join('\n');
}

/** All drills as one line for programs. */
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
