import { formatTable } from '../../src/cli/format.ts';
import type { FailureGroup, RunView } from '../../src/contract/runs.ts';
import { toMajor } from '../../src/money.ts';

const plain = (text: string): string => text;

export interface SummaryScreen {
  readonly run: RunView;
  readonly failures: readonly FailureGroup[];
  readonly seconds: number;
  readonly url: string;
  readonly key: string;
  readonly reportDir: string;
  readonly problems: readonly string[];
}

/** The demo's last screen: what was read, what became of it, the money on both sides, and where to look further. */
export function renderSummaryScreen(screen: SummaryScreen): string {
  const { run, url } = screen;
  return [
    '',
    `A Bubble app arrived in PostgreSQL (schema ${run.targetSchema}) in ${screen.seconds.toFixed(1)} s, record by record over four queues.`,
    '',
    recordsTable(run),
    '',
    'Not loaded, by cause',
    causesTable(screen.failures, run),
    '',
    'Money, source and target, by currency and status',
    sumsTable(run),
    '',
    screen.problems.length === 0
      ? 'Checked against the sandbox: every record, every code and every sum is what its data asks for.'
      : `NOT as the sandbox's data asks for:\n${screen.problems
          .slice(0, 20)
          .map((line) => `  - ${line}`)
          .join('\n')}`,
    '',
    `Reports   ${screen.reportDir}`,
    `Queues    ${url}/board`,
    `API page  ${url}/docs`,
    `Sign in with the key ${screen.key}`,
  ].join('\n');
}

function recordsTable(run: RunView): string {
  const rows = Object.entries(run.entities);
  const total = (name: 'extracted' | 'reconciled' | 'skipped' | 'rejected' | 'blocked'): number =>
    rows.reduce((sum, [, counts]) => sum + counts[name], 0);
  const lines = [
    ...rows.map(([name, counts]) => ({ name, ...counts })),
    {
      name: 'total',
      extracted: total('extracted'),
      reconciled: total('reconciled'),
      skipped: total('skipped'),
      rejected: total('rejected'),
      blocked: total('blocked'),
    },
  ];
  return formatTable(
    lines,
    [
      { title: '', value: (row) => row.name },
      { title: 'read', value: (row) => row.extracted, right: true },
      { title: 'loaded', value: (row) => row.reconciled, right: true },
      { title: 'skipped', value: (row) => row.skipped, right: true },
      { title: 'rejected', value: (row) => row.rejected, right: true },
      { title: 'blocked', value: (row) => row.blocked, right: true },
    ],
    plain,
  );
}

function causesTable(failures: readonly FailureGroup[], run: RunView): string {
  const causes = new Map<string, number>();
  for (const group of failures) {
    const cause = `${group.entity} ${group.code}`;
    causes.set(cause, (causes.get(cause) ?? 0) + group.count);
  }
  const skipped = Object.entries(run.entities).filter(([, counts]) => counts.skipped > 0);
  const rows = [
    ...[...causes].map(([cause, count]) => ({ cause, count })),
    ...skipped.map(([entity, counts]) => ({ cause: `${entity} MERGED (skipped)`, count: counts.skipped })),
  ];
  rows.sort((a, b) => b.count - a.count || a.cause.localeCompare(b.cause));
  return formatTable(
    rows,
    [
      { title: 'records', value: (row) => row.count, right: true },
      { title: 'cause', value: (row) => row.cause },
    ],
    plain,
  );
}

function sumsTable(run: RunView): string {
  const money = (minor: string, currency: string): string => toMajor(BigInt(minor), currency);
  return formatTable(
    run.sums,
    [
      { title: 'currency', value: (line) => line.currency },
      { title: 'status', value: (line) => line.status },
      { title: 'source', value: (line) => money(line.source, line.currency), right: true },
      { title: 'target', value: (line) => money(line.target, line.currency), right: true },
      { title: 'not loaded', value: (line) => money(line.unloaded, line.currency), right: true },
      {
        title: '',
        value: (line) => (BigInt(line.source) === BigInt(line.target) + BigInt(line.unloaded) ? 'agrees' : 'DIFFERS'),
      },
    ],
    plain,
  );
}
