import type { Plan, PlanReport } from '../../plan/contract.ts';
import type { Run } from '../ports.ts';
import { isTrial } from '../trial/quarantine.ts';

/** What a report is: the same five for every run, mapping files and exports as the plan has them. The first two are short. */
export type ReportKind =
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
  /** The report folder, or the folder of exported data, where a later run looks for it. */
  readonly folder: 'reports' | 'exports';
}

const csvType = 'text/csv; charset=utf-8';
const textType = 'text/plain; charset=utf-8';

/** Every file a run can leave. `entities` are those of the run. */
export function reportNames(
  run: Pick<Run, 'stamp' | 'dryRun' | 'exportOnly' | 'scope'>,
  plan: Plan,
  entities: readonly string[],
) {
  const { stamp } = run;
  const five: ReportName[] = [
    { name: `migration_summary_${stamp}.txt`, mediaType: textType, of: { kind: 'summary' }, folder: 'reports' },
    { name: `migration_errors_${stamp}.csv`, mediaType: csvType, of: { kind: 'errors' }, folder: 'reports' },
    {
      name: `migration_report_${stamp}.json`,
      mediaType: 'application/json',
      of: { kind: 'report' },
      folder: 'reports',
    },
    {
      name: `rollback_migration_${stamp}.sql`,
      mediaType: 'application/sql',
      of: { kind: 'rollback' },
      folder: 'reports',
    },
    { name: `migration_${stamp}.log`, mediaType: textType, of: { kind: 'log' }, folder: 'reports' },
  ];
  // A run that writes nothing has made no ids, and a trial's lead nowhere.
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

// They are made of the target's rows, of which a run that writes nothing has none to tell.
function planReportNames(
  { stamp, dryRun, exportOnly }: Pick<Run, 'stamp' | 'dryRun' | 'exportOnly'>,
  plan: Plan,
): ReportName[] {
  const reports = dryRun || exportOnly ? [] : (plan.reports ?? []);
  return reports.map((report) => {
    const dot = report.name.lastIndexOf('.');
    const name = `${report.name.slice(0, dot)}_${stamp}${report.name.slice(dot)}`;
    return { name, mediaType: report.mediaType, of: { kind: 'plan', report }, folder: 'reports' };
  });
}
