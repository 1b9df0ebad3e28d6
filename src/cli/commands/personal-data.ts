import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PersonView, PurgeView } from '../../contract/retention.ts';
import { pathOf, requestDeadlineMs } from '../client.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { resolveRunId } from '../find-run.ts';
import { formatTable, type Paint } from '../format.ts';
import { parseNonBlank } from '../option-parsers.ts';
import { Problem, usageError } from '../problem.ts';

interface Options extends ReasonOptions {
  readonly olderThan?: string;
  readonly run?: string;
  readonly dryRun?: boolean;
}

export const purge: DefineCommand = (program, action) => {
  program
    .command('purge')
    .description('delete what sources said in finished runs; hashes, outcomes and counts stay')
    .option('--older-than <age>', 'of runs that ended longer ago than 12h, 30d, 8w', parseNonBlank)
    .option('--run <run>', 'of this run', parseNonBlank)
    .option('--dry-run', 'only say what would be deleted')
    .addOption(reasonOption())
    .addHelpText(
      'after',
      examples('purge --older-than 30d --reason "retention" --dry-run', 'purge --run RUN --reason …'),
    )
    .action(
      action(async (session, { olderThan, run, dryRun, reason }: Options) => {
        const { api, out } = session;
        if ((olderThan === undefined) === (run === undefined)) {
          throw usageError('purge takes --older-than or --run, one of the two');
        }
        const runId = run === undefined ? undefined : await resolveRunId(session, run);
        const runs: PurgeView['runs'][number][] = [];
        for (;;) {
          const done = await api.request<PurgeView>('POST', '/purge', { body: { olderThan, runId, dryRun, reason } });
          runs.push(...done.runs);
          if (!done.complete) continue;
          out.answer({ ...done, runs }, (safe) => purgeReport(safe, out.paint));
          return exitCodes.green;
        }
      }),
    );
};

/** Payloads that were deleted, or would be, by run. */
function purgeReport(view: PurgeView, paint: Paint): string {
  if (view.runs.length === 0) return 'nothing to purge';
  const total = view.runs.reduce((sum, run) => sum + run.raw + run.clean, 0);
  const runs = formatTable(
    view.runs,
    [
      { title: 'run', value: (run) => run.runId },
      { title: 'plan', value: (run) => run.plan },
      { title: 'finished', value: (run) => run.finishedAt ?? '' },
      { title: 'raw', value: (run) => run.raw, right: true },
      { title: 'clean', value: (run) => run.clean, right: true },
    ],
    paint,
  );
  return `${runs}\n${view.dryRun ? 'would delete' : 'deleted'} ${total} payloads`;
}

export const person: DefineCommand = (program, action) => {
  program
    .command('person <email>')
    .description('everything held about one person, across ledger and targets; audited')
    .option('--out <file>', 'write it to this file, readable by its owner only (default: to stdout)', parseNonBlank)
    .addHelpText('after', examples('person jane@example.com --out jane.json'))
    .action(
      action(async ({ api, out, settings }, options: { out?: string }, email: string) => {
        const held = await api.request<PersonView>('GET', pathOf`/persons/${email}`, {
          deadlineMs: requestDeadlineMs.long,
        });
        const text = `${JSON.stringify(held, null, 2)}\n`;
        const path = options.out === undefined ? undefined : resolve(settings.workingFolder, options.out);
        if (path !== undefined) await writePrivateFile(path, text);
        const { records, rows, befores } = held;
        if (path === undefined) out.answer(held, (safe) => JSON.stringify(safe, null, 2));
        else {
          const counts = { file: path, records: records.length, rows: rows.length, befores: befores.length };
          out.answer(
            counts,
            (safe) => `${safe.records} records, ${safe.rows} rows, ${safe.befores} older rows: ${safe.file}`,
          );
        }
        return exitCodes.green;
      }),
    );
};

async function writePrivateFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (cause) {
    const message = `${path} cannot be written: ${(cause as Error).message}`;
    throw new Problem({ code: 'FILE', message, remedy: 'Check the folder and its permissions.', cause });
  }
}
