import { recordStatuses } from '../../contract/record-status.ts';
import type { SumLine, ValidationCheck } from '../../contract/runs.ts';
import { toMajor } from '../../money.ts';
import { forecastText } from '../trial/trial.ts';
import type { Report } from './report.ts';

/** The report for people: statistics, counts by entity, money, failures by cause, validation, overall status. */
export function summaryText(report: Omit<Report, 'files'>): string {
  const sections = [
    headSection(report),
    countsSection(report),
    ...trialSection(report),
    ...performanceSection(report),
    moneySection(report),
    failuresSection(report),
    validationSection(report),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headSection({ run, writtenAt }: Omit<Report, 'files'>): string[] {
  const flags = [run.strategy, ...(run.dryRun ? ['dry run: nothing was written'] : [])].join(', ');
  return [
    `Migration ${run.plan}@${run.version}, run ${run.id}`,
    `Status:    ${run.status}${run.reason ? `: ${run.reason}` : ''}`,
    `Strategy:  ${flags}`,
    `Target:    schema ${run.targetSchema}`,
    `Started:   ${run.startedAt ?? 'never'}${run.createdBy ? ` by ${run.createdBy}` : ''}`,
    `Finished:  ${run.finishedAt ?? writtenAt}${durationText(run)}`,
    `Balanced:  ${run.balanced ? 'yes, every extracted record is accounted for' : 'NO'}`,
  ];
}

function durationText(run: { startedAt: string | null; finishedAt: string | null }): string {
  if (!run.startedAt || !run.finishedAt) return '';
  const seconds = Math.max(0, Math.round((Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1_000));
  return `, after ${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function countsSection({ entities }: Omit<Report, 'files'>): string[] {
  const columns = ['source', 'extracted', ...recordStatuses] as const;
  const rows = Object.entries(entities).map(([name, entity]) => [
    name,
    entity.sourceTotal === null ? '-' : String(entity.sourceTotal),
    ...(['extracted', ...recordStatuses] as const).map((column) => String(entity[column])),
  ]);
  return ['Records', ...formatTable([['entity', ...columns], ...rows])];
}

function trialSection({ run }: Omit<Report, 'files'>): string[][] {
  // Reports written by earlier versions have no trial.
  if (!run.trial) return [];
  const rows = Object.entries(run.trial.perEntity).map(([name, one]) => `  ${name}: ${forecastText(one)}`);
  return [[`Trial of ${run.trial.n} records of each entity; a real run will probably have`, ...rows]];
}

function performanceSection({ metrics }: Omit<Report, 'files'>): string[][] {
  if (!metrics) return [];
  const { successRate, processingRate, errorDistribution, resourceUsage } = metrics;
  const { memory, cpu, network, workers, complete, alongside } = resourceUsage;
  const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
  const rows = [
    `  success rate     ${successRate === null ? 'nothing is settled' : percent(successRate)}`,
    `  processing rate  ${processingRate.toFixed(1)} records/s over ${metrics.elapsedSeconds} s`,
    `  memory           ${memory.peakMb} MB at most in ${workers.length} workers, ${memory.largestWorkerMb} MB in one`,
    `  CPU              ${cpu.seconds} s, ${cpu.meanCores} cores on average`,
    `  network          ${network.requests} requests, ${network.failed} without success; ${megabytes(network.sentBytes)} sent, ${megabytes(network.receivedBytes)} received`,
    ...network.upstreams.map(({ upstream, perSecond, allowedPerSecond: allowed }) => {
      return `  ${upstream.padEnd(16)} ${perSecond.toFixed(1)} requests/s${allowed === null ? '' : ` of ${allowed} allowed`}`;
    }),
    ...(complete ? [] : ['  what a worker used in its last two seconds may be missing']),
    ...(alongside.length > 0
      ? [`  other runs went on at the same time and are in these figures: ${alongside.join(', ')}`]
      : []),
    ...errorDistribution.map(
      (one) =>
        `  ${one.severity.padEnd(8)} ${one.name} (${one.code}, ${one.stage ?? 'run'}): ${one.records} records, ${one.tries} tries; ${one.action}`,
    ),
  ];
  return [['Performance', ...rows]];
}

const percent = (part: number): string => `${(part * 100).toFixed(2)} %`;

function moneySection({ sums: lines }: Omit<Report, 'files'>): string[] {
  if (lines.length === 0) return ['Money', '  no entity of the run carries money'];
  const rows = lines.map((line) => [
    line.entity,
    line.currency,
    line.status,
    amount(line.source, line.currency),
    amount(line.target, line.currency),
    amount(line.unloaded, line.currency),
    sumsAgree(line) ? '' : 'DIFFERS',
  ]);
  return ['Money', ...formatTable([['entity', 'currency', 'status', 'source', 'target', 'not loaded', ''], ...rows])];
}

const sumsAgree = (line: SumLine): boolean =>
  /^-?\d+$/.test(line.target) && BigInt(line.source) === BigInt(line.target) + BigInt(line.unloaded);

// A sum that is not a whole number of minor units is shown as it is: it is the fault to find.
function amount(minor: string, currency: string): string {
  return /^-?\d+$/.test(minor) ? toMajor(BigInt(minor), currency) : `${minor} minor units`;
}

function failuresSection({ failures: groups }: Omit<Report, 'files'>): string[] {
  if (groups.length === 0) return ['Failures', '  none'];
  return [
    'Failures by cause',
    ...groups.flatMap((group) => [
      `  ${group.count} ${group.entity} ${group.status}: ${group.code}${group.field ? ` in ${group.field}` : ''} (${group.stage})`,
      `      for example ${group.examples.join(', ')}: ${group.message}`,
      ...worthText(group.sums ?? []),
      `      ${group.remedy}`,
    ]),
  ];
}

function worthText(sums: NonNullable<Report['failures'][number]['sums']>): string[] {
  return sums.length === 0
    ? []
    : [`      worth ${sums.map(({ currency, minor }) => `${currency} ${amount(minor, currency)}`).join(', ')}`];
}

function validationSection({ validation: view }: Omit<Report, 'files'>): string[] {
  if (!view) return ['Validation', '  not done: the run wrote nothing'];
  const passed = view.checks.filter((check) => check.ok).length;
  return [
    `Validation: ${view.status}, ${passed} of ${view.checks.length} checks hold (${view.at}, data version ${view.dataVersion})`,
    ...view.checks.map(checkLine),
  ];
}

function checkLine(check: ValidationCheck): string {
  const outcome = check.ok ? 'ok     ' : check.severity === 'error' ? 'BROKEN ' : 'warning';
  const rows = check.ok ? `${check.checked} checked` : `${check.violations} of ${check.checked}`;
  return `  ${outcome} ${check.entity ?? '-'} ${check.name}: ${check.description} [${rows}]`;
}

function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => alignCell(cell, column, widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

// Names to the left, numbers to the right.
function alignCell(cell: string, column: number, width: number): string {
  return column === 0 || /^[a-zA-Z]/.test(cell) ? cell.padEnd(width) : cell.padStart(width);
}
