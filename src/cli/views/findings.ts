import type { Paint } from '../colour.ts';
import type { Finding } from '../doctor/finding.ts';

const marks = { ok: 'ok', warning: 'look', problem: 'bad' } as const;
const tones = { ok: 'green', warning: 'yellow', problem: 'red' } as const;

/** One line a finding, and under it what to do about it. */
export function findingLines(findings: readonly Finding[], paint: Paint): string {
  return findings
    .flatMap(({ state, name, detail, remedy }) => [
      `${paint(marks[state].padEnd(4), tones[state])}  ${name}: ${detail}`,
      ...(remedy === undefined ? [] : [`      → ${remedy}`]),
    ])
    .join('\n');
}
