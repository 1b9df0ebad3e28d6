import { DroverError } from '../../errors.ts';
import type { CsvFormat, Plan, PlanReport } from '../../plan/contract.ts';
import type { SqlPort } from '../../plan/sql.ts';
import type { Run } from '../ledger/types.ts';
import { entityOf, identityScope, targetReader } from '../runs/context.ts';
import { isTrial } from '../trial/trial.ts';
import { exportCsv, mappingFile } from './exports.ts';
import { errorsCsv } from './failures.ts';
import { logText } from './log.ts';
import type { IdentityReader } from './records.sql.ts';
import type { ReportLedger, RunEvent } from './types.ts';

/** The kinds of reports: five for every run, mapping files, reports and exports by plan. The first two are short. */
type ReportKind =
  | { readonly kind: 'summary' }
  | { readonly kind: 'report' }
  | { readonly kind: 'errors' | 'rollback' | 'log' }
  | { readonly kind: 'mapping'; readonly entity: string }
  | { readonly kind: 'plan'; readonly report: PlanReport }
  | { readonly kind: 'export'; readonly entity: string };

export interface ReportName {
  readonly name: string;
  readonly mediaType: string;
  readonly of: ReportKind;
  /** The report folder, or the folder of exported data, where a later run reads it. */
  readonly folder: 'reports' | 'exports';
}

const csvType = 'text/csv; charset=utf-8';
const textType = 'text/plain; charset=utf-8';

/** What the names of a run's files carry: its stamp and its id, since two runs may start in one second. */
export function fileMark({ id, stamp }: Pick<Run, 'id' | 'stamp'>): string {
  return `${stamp}_${id}`;
}

/** The name a report had before names carried the run's id. It is still accepted: the run of a request is known. */
export function nameWithoutId(run: Pick<Run, 'id' | 'stamp'>, name: string): string {
  return name.replace(fileMark(run), run.stamp);
}

/** Every file a run can leave. `entities` are those of the run. */
export function reportNames(
  run: Pick<Run, 'id' | 'stamp' | 'dryRun' | 'exportOnly' | 'scope'>,
  plan: Plan,
  entities: readonly string[],
) {
  const mark = fileMark(run);
  const five: ReportName[] = [
    { name: `migration_summary_${mark}.txt`, mediaType: textType, of: { kind: 'summary' }, folder: 'reports' },
    { name: `migration_errors_${mark}.csv`, mediaType: csvType, of: { kind: 'errors' }, folder: 'reports' },
    {
      name: `migration_report_${mark}.json`,
      mediaType: 'application/json',
      of: { kind: 'report' },
      folder: 'reports',
    },
    {
      name: `rollback_migration_${mark}.sql`,
      mediaType: 'application/sql',
      of: { kind: 'rollback' },
      folder: 'reports',
    },
    { name: `migration_${mark}.log`, mediaType: textType, of: { kind: 'log' }, folder: 'reports' },
  ];
  // A run that writes nothing has made no ids, and those of a trial are dropped with its schema.
  const mapped = run.dryRun || run.exportOnly || isTrial(run) ? [] : (plan.mappingFiles ?? []);
  const mappings = mapped
    .filter(({ entity }) => entities.includes(entity))
    .map(({ name, entity }): ReportName => {
      return { name, mediaType: 'application/json', of: { kind: 'mapping', entity }, folder: 'exports' };
    });
  const exports = entities.map((entity): ReportName => {
    return { name: `${entity}.csv`, mediaType: csvType, of: { kind: 'export', entity }, folder: 'exports' };
  });
  return [...five, ...planReportNames(run, plan), ...mappings, ...exports];
}

// They are made of the target's rows, of which a run that writes nothing has none.
function planReportNames(run: Pick<Run, 'id' | 'stamp' | 'dryRun' | 'exportOnly'>, plan: Plan): ReportName[] {
  const { dryRun, exportOnly } = run;
  const reports = dryRun || exportOnly ? [] : (plan.reports ?? []);
  return reports.map((report) => {
    const dot = report.name.lastIndexOf('.');
    const name = `${report.name.slice(0, dot)}_${fileMark(run)}${report.name.slice(dot)}`;
    return { name, mediaType: report.mediaType, of: { kind: 'plan', report }, folder: 'reports' };
  });
}

/** The reports that may be long. */
export type StreamedReport = Exclude<ReportKind, { kind: 'summary' } | { kind: 'report' }>;

export interface ContentDeps {
  readonly ledger: ReportLedger;
  readonly identities: IdentityReader;
  readonly rollbackSql: (run: Run, plan: Plan) => AsyncIterable<string>;
  /** The target database, for the plan's own reports. */
  readonly target: SqlPort;
  /** The plan's own CSV format for an entity, where it has one. */
  readonly csvExport?: ((plan: string, entity: string) => CsvFormat | undefined) | undefined;
}

/**
 * The reports that may be long, made from the ledger and the target while they are read: nothing of them is kept in
 * memory, and what is downloaded later shows the state of that moment.
 */
export function reportContent(
  deps: ContentDeps,
  run: Run,
  plan: Plan,
  of: StreamedReport,
  last: readonly RunEvent[] = [],
): AsyncIterable<string> {
  switch (of.kind) {
    case 'errors':
      return errorsCsv(deps.ledger, run.id, plan);
    case 'rollback':
      return deps.rollbackSql(run, plan);
    case 'log':
      return logText(deps.ledger, run, last);
    case 'mapping': {
      entityOf(plan, of.entity);
      const scope = identityScope(run.plan, run.targetSchema);
      return mappingFile(deps.identities, scope, of.entity, deps.ledger.reusedTargetIds(run.id, of.entity));
    }
    case 'plan':
      return planReportContent(deps.target, run, of.report);
    case 'export':
      return exportCsv(deps.ledger, run.id, of.entity, deps.csvExport?.(run.plan, of.entity));
  }
}

/** A report of the plan. Where the target lacks what it reads (a run of some entities), it says so. */
async function* planReportContent(
  sql: SqlPort,
  { id, targetSchema, params }: Run,
  report: PlanReport,
): AsyncIterable<string> {
  try {
    yield await report.content({ target: targetReader(sql, targetSchema), params, runId: id });
  } catch (thrown) {
    if (!(thrown instanceof DroverError) || !['TARGET_SCHEMA', 'TARGET_CONSTRAINT'].includes(thrown.code)) throw thrown;
    yield `${report.name} cannot be made: ${thrown.message}\n`;
  }
}
