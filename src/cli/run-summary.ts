import type { EntityProgress, FailureGroup, ReportEntry, RunView, SumLine, TrialView } from '../contract/runs.ts';
import { toMajor } from '../money.ts';
import { isFinished } from './exit-code.ts';
import { type Column, formatDuration, formatTable, type Paint, type Tone } from './format.ts';

export interface Summary {
  readonly run: RunView;
  readonly groups: readonly FailureGroup[];
  readonly reports: readonly ReportEntry[];
}

export interface Links {
  readonly url: string;
  readonly invocation: string;
}

/** The summary of a run: records, sums, failures, and where the reports are. */
export function runSummary({ run, groups, reports }: Summary, links: Links, paint: Paint): string {
  const part = (title: string, text: string): string => `\n${paint(title, 'bold')}\n${text}`;
  return [
    runHead(run, paint),
    part('records', entitiesTable(run, paint)),
    ...(run.balanced || !isFinished(run) ? [] : [paint('The records do not add up: see the notes.', 'red')]),
    ...(run.trial ? [part('a real run will probably have', trialLines(run.trial))] : []),
    ...derivedNote(run).map((line) => paint(line, 'yellow')),
    ...(run.sums.length > 0 ? [part('sums', sumsTable(run.sums, paint))] : []),
    ...(groups.length > 0 ? [part('failures by cause', failureList(groups, paint))] : []),
    ...(reports.length > 0 ? [part('reports', reportLines(run, reports, links))] : []),
    ...(run.nextActions.length > 0 ? [`\npossible now: ${run.nextActions.join(', ')}`] : []),
  ].join('\n');
}

function reportLines(run: RunView, reports: readonly ReportEntry[], links: Links): string {
  return [
    ...reports.map((report) => `  ${report.name}`),
    `  at ${links.url}/api/v1/runs/${run.id}/reports, or to files with: ${links.invocation} report ${run.id} --out DIR`,
  ].join('\n');
}

const tones: Partial<Record<RunView['status'], Tone>> = {
  completed: 'green',
  completed_with_failures: 'yellow',
  failed: 'red',
  cancelled: 'yellow',
  paused: 'yellow',
};

export function statusTone(status: RunView['status']): Tone | undefined {
  return tones[status];
}

/** The kind and the state of a run, in a few lines. */
export function runHead(run: RunView, paint: Paint): string {
  const kind = [
    run.strategy,
    `into schema ${run.targetSchema}`,
    ...(run.batchSize === 1 ? [] : [batchSizeText(run)]),
    ...(run.dryRun ? ['dry run: nothing is written'] : []),
    ...(run.exportOnly ? ['export only: nothing is loaded'] : []),
    ...(run.trial ? [`trial of ${run.trial.n} records of each entity`] : []),
  ];
  // For a run that is paused or stopped, its reason is also its blocker.
  const blockers = run.holdups.map(({ what }) => what).join('; ');
  return [
    `run ${paint(run.id, 'bold')} of ${run.plan}@${run.version}: ${paint(statusText(run.status), statusTone(run.status))}`,
    `  ${kind.join(', ')}`,
    ...(run.reason === null || blockers.includes(run.reason) ? [] : [`  reason: ${run.reason}`]),
    ...run.holdups.map(({ what, clears }) => `  ${paint('blocked', 'yellow')}: ${what} → ${clears}`),
    ...(run.rolledBackAt === null ? rollbackLines(run) : [`  rolled back at ${run.rolledBackAt}`]),
    `  ${timesText(run)}`,
  ].join('\n');
}

function rollbackLines({ rollback }: RunView): string[] {
  if (rollback === null) return [];
  const { status, done, total, error } = rollback;
  return [`  rollback ${status}: ${done} of ${total} undone${error === null ? '' : `, ${error}`}`];
}

/** `completed_with_failures` in words. */
export function statusText(status: string): string {
  return status.replaceAll('_', ' ');
}

function timesText(run: RunView): string {
  if (run.startedAt === null) return `created at ${run.createdAt} by ${run.createdBy}`;
  const end = run.finishedAt ?? undefined;
  if (end === undefined) return `started at ${run.startedAt} by ${run.createdBy}`;
  const taken = formatDuration(Date.parse(end) - Date.parse(run.startedAt));
  return `started at ${run.startedAt} by ${run.createdBy}, finished at ${end}, took ${taken}`;
}

/** Records a job: `batch size: 100`, or `batch size: auto (extract 10, load 85)` with what is used now. */
export function batchSizeText({ batchSize, batchSizes }: RunView): string {
  if (batchSize !== 'auto') return `batch size: ${batchSize}`;
  const now = Object.entries(batchSizes).map(([stage, size]) => `${stage} ${size}`);
  return `batch size: auto (${now.join(', ')})`;
}

type Row = readonly [name: string, entity: EntityProgress];

const countedStatuses = [
  'extracted',
  'reconciled',
  'skipped',
  'rejected',
  'failed',
  'blocked',
  'mismatched',
  'pending',
] as const;
const failureStatuses: readonly string[] = ['rejected', 'failed', 'blocked', 'mismatched'];

const columns: readonly Column<Row>[] = [
  { title: 'entity', value: ([name]) => name },
  ...countedStatuses.map(
    (count): Column<Row> => ({
      title: count,
      value: ([, entity]) => entity[count],
      right: true,
      tone: ([, entity]) => countTone(count, entity[count]),
    }),
  ),
  { title: 'note', value: ([, entity]) => noteOf(entity) },
];

/** The entities of a run with their records by status, and their total when there are several. */
function entitiesTable(run: Pick<RunView, 'entities'>, paint: Paint): string {
  const rows = Object.entries(run.entities);
  if (rows.length === 0) return 'no entity has been read yet';
  const all = rows.length > 1 ? [totalRow(rows)] : [];
  return formatTable<Row>([...rows, ...all], columns, paint);
}

function totalRow(rows: readonly Row[]): Row {
  const first = rows[0]?.[1] as EntityProgress;
  const sums = Object.fromEntries(
    countedStatuses.map((count) => [count, rows.reduce((sum, [, one]) => sum + one[count], 0)]),
  );
  return ['total', { ...first, ...sums, sourceTotal: null, repeated: 0, extraction: 'done' }];
}

function noteOf(entity: EntityProgress): string {
  const notes: string[] = [];
  if (entity.extraction === 'failed') notes.push('reading failed');
  const holds = entity.sourceTotal;
  if (entity.extraction === 'reading') notes.push(holds === null ? 'being read' : `being read: ${holds} in the source`);
  else if (holds !== null && holds !== entity.extracted) notes.push(`the source says ${holds}`);
  if (entity.repeated > 0) notes.push(`${entity.repeated} given more than once`);
  return notes.join(', ');
}

function countTone(count: string, value: number): Tone | undefined {
  if (value === 0) return 'dim';
  return failureStatuses.includes(count) ? 'red' : undefined;
}

/** What a trial predicts, one line per entity. */
function trialLines({ perEntity }: TrialView): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return Object.entries(perEntity)
    .map(([name, { judged, unjudged, rejectRate, low, high }]) => {
      const rest = unjudged > 0 ? `${unjudged} lack records the trial left out` : '';
      if (judged === 0) return `  ${name}: nothing to judge by${rest && ` (${rest})`}`;
      const counted = `${judged} judged${rest && `, ${rest}`}`;
      return `  ${name}: ${percent(rejectRate)} rejected, between ${percent(low)} and ${percent(high)} (${counted})`;
    })
    .join('\n');
}

/** What a trial or a dry run cannot predict of entities derived from rows in the target, and which command can. */
function derivedNote({ plan, targetSchema, trial, dryRun, derived }: RunView): string[] {
  if (derived.length === 0) return [];
  const names = derived.join(', ');
  const whole = `drover run ${plan} --target-schema ${plan}_rehearsal --wait`;
  if (trial)
    return [
      `${names}: derived from the rows this trial loaded, so their number and their sums are not predicted;`,
      `their outcomes are, where the rows they need were among them. Everything: ${whole}`,
    ];
  return dryRun
    ? [
        `${names}: derived from the rows that schema ${targetSchema} has from earlier runs; a dry run writes none, so it does`,
        `not predict what this run would add. Their outcomes: --trial N instead of --dry-run. Everything: ${whole}`,
      ]
    : [];
}

/** Sums in source and target by entity, currency and status, with their difference. */
export function sumsTable(sums: readonly SumLine[], paint: Paint): string {
  return formatTable(
    sums,
    [
      { title: 'entity', value: (sum) => sum.entity },
      { title: 'currency', value: (sum) => sum.currency },
      { title: 'status', value: (sum) => sum.status },
      { title: 'source', value: (sum) => toMajorUnits(sum.source, sum.currency), right: true },
      { title: 'target', value: (sum) => toMajorUnits(sum.target, sum.currency), right: true },
      { title: 'not loaded', value: (sum) => toMajorUnits(sum.unloaded, sum.currency), right: true },
      { title: '', value: differenceText, tone: (sum) => (sumDifference(sum) === 0n ? 'green' : 'red') },
    ],
    paint,
  );
}

/** The amount that is neither in the target nor in records that were not loaded, in minor units. */
export function sumDifference(sum: SumLine): bigint {
  return BigInt(sum.source) - BigInt(sum.target) - BigInt(sum.unloaded);
}

function differenceText(sum: SumLine): string {
  const off = sumDifference(sum);
  return off === 0n ? 'agrees' : `differs by ${toMajorUnits(off.toString(), sum.currency)}`;
}

function toMajorUnits(minor: string, currency: string): string {
  return toMajor(BigInt(minor), currency);
}

/** Failures by cause, most frequent first: code, count, message, examples and remedy. */
export function failureList(groups: readonly FailureGroup[], paint: Paint): string {
  return [...groups]
    .sort((left, right) => right.count - left.count)
    .map((group) => failure(group, paint))
    .join('\n');
}

function failure(group: FailureGroup, paint: Paint): string {
  const field = group.field === null ? '' : `, field ${group.field}`;
  const worth = (group.sums ?? []).map(({ currency, minor }) => `${currency} ${toMajor(BigInt(minor), currency)}`);
  return [
    `${paint(`${group.count} × ${group.code}`, 'red')}: ${group.message}`,
    `  ${group.entity}, ${group.status} at ${group.stage}${field}, ${group.severity}, group ${paint(group.group, 'bold')}`,
    ...(worth.length > 0 ? [`  worth ${worth.join(', ')}`] : []),
    ...(group.examples.length > 0 ? [`  for example ${group.examples.join(', ')}`] : []),
    `  → ${group.remedy}`,
  ].join('\n');
}
