import type { RunView } from '../answers.ts';
import { type ExitCode, exitCodeOf, isFinished } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import type { Session } from '../session.ts';
import { startRequest } from '../start-request.ts';
import { previewLines } from '../views/preview.ts';
import { runHead } from '../views/run-head.ts';
import { conclude } from './conclude.ts';
import { commandOf, followLogged } from './follow.ts';
import { cancelInterrupted } from './interrupted.ts';
import { type MigrateOptions, type Purpose, runOptions } from './options.ts';
import { previewOf } from './preview.ts';

/** `migrate`: runs to the end, with the progress line, and leaves a log and a report. */
export async function migrate(session: Session, options: MigrateOptions): Promise<ExitCode> {
  const run = await start(session, 'migrate', options);
  if (run.dryRun) {
    session.out.note('MIGRATION_DRY_RUN is true: nothing is written. Set it to false to migrate.');
    return dryRunOf(session, run, options, 'migrate');
  }
  return conclude(session, await followLogged(session, run, 'migrate'));
}

/** `migrate:dry-run`: does everything but write, and says of every record what would happen to it. */
export async function dryRun(session: Session, options: MigrateOptions): Promise<ExitCode> {
  return dryRunOf(session, await start(session, 'dry-run', options), options, 'migrate:dry-run');
}

async function dryRunOf(session: Session, begun: RunView, options: MigrateOptions, name: string): Promise<ExitCode> {
  const { out } = session;
  const { run, log } = await followLogged(session, begun, name);
  if (!isFinished(run)) return cancelInterrupted(session, run, name);
  const preview = await previewOf(session, run, {
    name: 'migration-dry-run',
    rows: rowsOf(options),
    wanted: () => true,
  });
  out.answer({ run, preview, log: log.path() }, (safe) =>
    [runHead(safe.run, out.paint), '', previewLines(safe.preview, out.paint), `log: ${safe.log}`].join('\n'),
  );
  return exitCodeOf(run);
}

/** Records on the screen; 0 is for all of them. */
export function rowsOf({ rows = 20 }: MigrateOptions): number {
  return rows === 0 ? Number.POSITIVE_INFINITY : rows;
}

/** Starts a run with what options and variables say. */
export async function start(session: Session, purpose: Purpose, options: MigrateOptions): Promise<RunView> {
  const { api, settings } = session;
  const body = startRequest(options.plan, runOptions(purpose, options, settings.migration), settings);
  try {
    return await api.request<RunView>('POST', '/runs', { body });
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'NOT_ALLOWED_NOW') throw thrown;
    const { message, status, code } = thrown;
    const remedy = `To go on with it: ${commandOf(session, 'migrate:resume')}`;
    throw new Problem({ code, message, status, remedy, cause: thrown });
  }
}
