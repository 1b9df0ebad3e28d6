import { join } from 'node:path';
import type { RunView } from '../answers.ts';
import { isFinished } from '../exit-code.ts';
import { toProblem } from '../problem.ts';
import { createLogDisplay } from '../progress-display.ts';
import type { Session } from '../session.ts';
import { statusText } from '../views/run-head.ts';
import { followToEnd } from '../wait.ts';
import { copyServiceLog, createLogFile, type LogFile } from './log-file.ts';

/** A run that was followed to its end, or until the operator stopped looking. */
export interface FollowedRun {
  readonly run: RunView;
  readonly log: LogFile;
  /** Copies what the service has written down of the run behind what the command wrote. */
  copyLog(): Promise<void>;
}

/** Follows a run with the progress line, and writes the day's log as it goes. */
export async function followWithLog(session: Session, run: RunView, commandName: string): Promise<FollowedRun> {
  const folder = join(session.settings.projectFolder, 'logs');
  const log = createLogFile(folder);
  const progress = createLogDisplay({ write: (text) => log.write('INFO', text.trimEnd()) }, () => Date.now());
  log.write(
    'INFO',
    `${commandName}: run ${run.id} of ${run.plan}@${run.version}, ${run.strategy}${run.dryRun ? ', dry run' : ''}`,
  );
  let status = run.status;
  const last = await followToEnd(session, run, (view) => {
    progress.show(view);
    if (view.status !== status) log.write(logLevelOf(view), statusMessage(view));
    status = view.status;
  })
    .catch((thrown: unknown) => reportLostService(session, log, run, thrown))
    .finally(progress.end);
  const copyLog = (): Promise<void> => copyServiceLog(session, last, folder, log);
  // One that was interrupted is waited for: whoever pressed Ctrl-C wants it to stop first.
  if (isFinished(last)) await copyLog();
  return { run: last, log, copyLog };
}

/** The service is out of reach: the run needs it to be followed, and not to go on. */
function reportLostService(session: Session, log: LogFile, run: RunView, thrown: unknown): never {
  const { code, message } = toProblem(thrown);
  log.write('ERROR', `${code}: ${message}`);
  const watch = `${session.settings.invocation} watch ${run.id}`;
  const back = run.dryRun ? watch : commandLine(session, 'migrate:resume');
  session.out.note(`Run ${run.id} may go on unseen. To come back to it: ${back}`);
  throw thrown;
}

function logLevelOf({ status }: RunView): 'INFO' | 'WARNING' | 'ERROR' {
  if (status === 'failed') return 'ERROR';
  return status === 'completed' || status === 'running' ? 'INFO' : 'WARNING';
}

function statusMessage(run: RunView): string {
  return `run ${run.id} is ${statusText(run.status)}${run.reason === null ? '' : `: ${run.reason}`}`;
}

/** The command by its name, as this operator calls it: `npm run migrate:resume`. */
export function commandLine({ settings }: Session, name: string): string {
  return settings.invocation.startsWith('npm run') ? `npm run ${name}` : `${settings.invocation} ${name}`;
}
