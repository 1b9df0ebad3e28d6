import { DroverError } from '../../errors.ts';
import type { CsvFormat, Plan, PlanReport } from '../../plan/contract.ts';
import type { SqlPort } from '../../plan/sql.ts';
import { entityOf } from '../contexts.ts';
import { identityScope } from '../identity-scope.ts';
import type { Run } from '../ports.ts';
import { targetReader } from '../sources.ts';
import { errorsCsv } from './errors-csv.ts';
import { exportCsv } from './export-csv.ts';
import { logText } from './log-text.ts';
import { mappingFile } from './mapping-file.ts';
import type { ReportKind } from './names.ts';
import type { IdentityReader, ReportLedger, RunEvent } from './ports.ts';

/** What may be long. */
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
 * memory, and what is downloaded later tells what is true then.
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

/** A report of the plan. Where the target lacks what it asks for (a run of some entities), it says so and no run is held up. */
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
