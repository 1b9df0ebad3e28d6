import type { FailureGroup, ReportEntry, RunView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { isFinished } from '../exit-code.ts';
import { entitiesTable } from './entities.ts';
import { failureList } from './failures.ts';
import { runHead } from './run-head.ts';
import { sumsTable } from './sums.ts';
import { derivedNote, trialLines } from './trial.ts';

export interface Summary {
  readonly run: RunView;
  readonly groups: readonly FailureGroup[];
  readonly reports: readonly ReportEntry[];
}

export interface Links {
  readonly url: string;
  readonly invocation: string;
}

/** The account of a run: every record, every sum, every failure, and where the reports are. */
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
