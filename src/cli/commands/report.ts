import { resolve } from 'node:path';
import type { ReportEntry, RunView } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples, type Session } from '../command.ts';
import { readReportText, type SavedReport, saveReport } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import { escapeControlsInLines, formatTable } from '../format.ts';
import { Problem } from '../problem.ts';

export const report: DefineCommand = (program, action) => {
  program
    .command('report <run> [name]')
    .description('list the reports of a run, print one, or save them')
    .option('--out <dir>', 'save into this folder: the report named, or all')
    .addHelpText(
      'after',
      examples('report bubble', 'report bubble migration_summary_20240115_143000.txt', 'report RUN --out ./reports'),
    )
    .action(
      action(async (session, { out }: { out?: string }, id: string, name: string | undefined) => {
        const run = await findRun(session.api, id);
        if (out !== undefined) return saveReports(session, run, resolve(session.settings.workingFolder, out), name);
        return name === undefined ? listReports(session, run) : printReport(session, run, name);
      }),
    );
};

async function saveReports(
  session: Session,
  run: RunView,
  folder: string,
  name: string | undefined,
): Promise<ExitCode> {
  const names = name === undefined ? (await fetchReports(session, run)).items.map((entry) => entry.name) : [name];
  const files: SavedReport[] = [];
  for (const each of names) {
    try {
      files.push(await saveReport(session.api, run.id, each, folder));
    } catch (thrown) {
      // A viewer may read some of all reports, so the others are skipped; for a named one the refusal is shown.
      if (name !== undefined || !(thrown instanceof Problem) || thrown.status !== 403) throw thrown;
      session.out.note(`${each} is left out: ${thrown.message}`);
    }
  }
  session.out.answer({ run: run.id, files }, (safe) =>
    safe.files.length === 0 ? 'no reports yet' : safe.files.map((file) => file.path).join('\n'),
  );
  return exitCodes.green;
}

async function listReports(session: Session, run: RunView): Promise<ExitCode> {
  const { out } = session;
  const answer = await fetchReports(session, run);
  out.answer(answer, (safe) =>
    safe.items.length === 0
      ? 'no reports yet: they are written when the run is finished'
      : formatTable(
          safe.items,
          [
            { title: 'report', value: (entry) => entry.name },
            { title: 'type', value: (entry) => entry.mediaType },
            { title: 'bytes', value: (entry) => entry.bytes, right: true },
          ],
          out.paint,
        ),
  );
  return exitCodes.green;
}

function fetchReports({ api }: Session, run: RunView): Promise<List<ReportEntry>> {
  return api.get(pathOf`/runs/${run.id}/reports`);
}

/** Prints a report: unchanged to a pipe, with escaped control characters to a terminal. */
async function printReport({ api, out }: Session, run: RunView, name: string): Promise<ExitCode> {
  const { stdout } = out.streams;
  const response = await api.open(pathOf`/runs/${run.id}/reports/${name}`, { accept: '*/*' });
  if (out.json) {
    const mediaType = response.headers.get('content-type') ?? 'text/plain';
    out.answer({ run: run.id, name, mediaType, content: await wholeText(response) }, () => '');
    return exitCodes.green;
  }
  for await (const text of readReportText(response)) stdout.write(stdout.isTTY ? escapeControlsInLines(text) : text);
  return exitCodes.green;
}

async function wholeText(response: Response): Promise<string> {
  const parts: string[] = [];
  for await (const text of readReportText(response)) parts.push(text);
  return parts.join('');
}
