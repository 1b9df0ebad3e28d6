import type { RunView } from '../answers.ts';
import { type ExitCode, exitCodeOf, isFinished } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import type { Session } from '../session.ts';
import { buildStartRequest } from '../start-request.ts';
import { previewLines } from '../views/preview.ts';
import { runHead } from '../views/run-head.ts';
import { concludeMigration } from './conclude.ts';
import { commandLine, followWithLog } from './follow.ts';
import { cancelInterrupted } from './interrupted.ts';
import { type MigrateOptions, type Purpose, runOptions } from './options.ts';
import { writePreview } from './preview.ts';

/** `migrate`: runs to the end, with the progress line, and leaves a log and a report. */
export async function runMigrate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const run = await startMigration(session, 'migrate', options);
  if (run.dryRun) {
    session.out.note('MIGRATION_DRY_RUN is true: nothing is written. Set it to false to migrate.');
    return followDryRun(session, run, options, 'migrate');
  }
  return concludeMigration(session, await followWithLog(session, run, 'migrate'));
}

/** `migrate:dry-run`: does everything but write, and says of every record what would happen to it. */
export async function runDryRun(session: Session, options: MigrateOptions): Promise<ExitCode> {
  return followDryRun(session, await startMigration(session, 'dry-run', options), options, 'migrate:dry-run');
}

async function followDryRun(
  session: Session,
  started: RunView,
  options: MigrateOptions,
  name: string,
): Promise<ExitCode> {
  const { out } = session;
  const { run, log } = await followWithLog(session, started, name);
  if (!isFinished(run)) return cancelInterrupted(session, run, name);
  const preview = await writePreview(session, run, {
    name: 'migration-dry-run',
    rows: rowLimit(options),
    wanted: () => true,
  });
  out.answer({ run, preview, log: log.path() }, (safe) =>
    [runHead(safe.run, out.paint), '', previewLines(safe.preview, out.paint), `log: ${safe.log}`].join('\n'),
  );
  return exitCodeOf(run);
}

/** Records on the screen; 0 is for all of them. */
export function rowLimit({ rows = 20 }: MigrateOptions): number {
  return rows === 0 ? Number.POSITIVE_INFINITY : rows;
}

/** Starts a run with what options and variables say. */
export async function startMigration(session: Session, purpose: Purpose, options: MigrateOptions): Promise<RunView> {
  const { api, settings } = session;
  const body = buildStartRequest(options.plan, runOptions(purpose, options, settings.migration), settings);
  try {
    return await api.request<RunView>('POST', '/runs', { body });
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'NOT_ALLOWED_NOW') throw thrown;
    const { message, status, code } = thrown;
    const remedy = `To go on with it: ${commandLine(session, 'migrate:resume')}`;
    throw new Problem({ code, message, status, remedy, cause: thrown });
  }
}
