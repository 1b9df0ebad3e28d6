import { join } from 'node:path';
import type { RunView } from '../answers.ts';
import { logLines } from '../progress-display.ts';
import type { Session } from '../session.ts';
import { words } from '../views/run-head.ts';
import { followToEnd } from '../wait.ts';
import { copyServiceLog, createLogFile, type LogFile } from './log-file.ts';

/** A run that was followed to its end, or until the operator stopped looking. */
export interface Followed {
  readonly run: RunView;
  readonly log: LogFile;
}

/** Follows a run with the progress line, and writes the day's log as it goes. */
export async function followLogged(session: Session, run: RunView, what: string): Promise<Followed> {
  const folder = join(session.settings.projectFolder, 'logs');
  const log = createLogFile(folder);
  const progress = logLines({ write: (text) => log.write('INFO', text.trimEnd()) }, () => Date.now());
  log.write(
    'INFO',
    `${what}: run ${run.id} of ${run.plan}@${run.version}, ${run.strategy}${run.dryRun ? ', dry run' : ''}`,
  );
  let status = run.status;
  const last = await followToEnd(session, run, (view) => {
    progress.show(view);
    if (view.status !== status) log.write(levelOf(view), said(view));
    status = view.status;
  });
  progress.end();
  await copyServiceLog(session, last, folder, log);
  return { run: last, log };
}

function levelOf({ status }: RunView): 'INFO' | 'WARNING' | 'ERROR' {
  if (status === 'failed') return 'ERROR';
  return status === 'completed' || status === 'running' ? 'INFO' : 'WARNING';
}

function said(run: RunView): string {
  return `run ${run.id} is ${words(run.status)}${run.reason === null ? '' : `: ${run.reason}`}`;
}

/** The command by its name, as this operator calls it: `npm run migrate:resume`. */
export function commandOf({ settings }: Session, name: string): string {
  return settings.invocation.startsWith('npm run') ? `npm run ${name}` : `${settings.invocation} ${name}`;
}
