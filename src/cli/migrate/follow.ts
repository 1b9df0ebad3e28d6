import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import type { Session } from '../command.ts';
import { readReportText } from '../download.ts';
import { isFinished } from '../exit-code.ts';
import { escapeControls } from '../format.ts';
import { Problem, toProblem } from '../problem.ts';
import { createLogDisplay } from '../progress.ts';
import { statusText } from '../run-summary.ts';
import { followToEnd } from '../wait.ts';

/** A run that was followed to its end, or until the operator interrupted following. */
export interface FollowedRun {
  readonly run: RunView;
  readonly log: LogFile;
  /** Appends the API's log of the run to what the command wrote. */
  copyLog(): Promise<void>;
}

/** Follows a run with the progress line, and writes the log of the day. */
export async function followWithLog(
  session: Session,
  run: RunView,
  commandName: string,
  signal: AbortSignal,
): Promise<FollowedRun> {
  const folder = join(session.settings.projectFolder, 'logs');
  const log = createLogFile(folder);
  const progress = createLogDisplay({ write: (text) => log.write('INFO', text.trimEnd()) }, () => Date.now());
  log.write(
    'INFO',
    `${commandName}: run ${run.id} of ${run.plan}@${run.version}, ${run.strategy}${run.dryRun ? ', dry run' : ''}`,
  );
  let status = run.status;
  const last = await followToEnd(session, run, signal, (view) => {
    progress.show(view);
    if (view.status !== status) log.write(logLevelOf(view), statusMessage(view));
    status = view.status;
  })
    .catch((thrown: unknown) => reportLostService(session, log, run, thrown))
    .finally(progress.end);
  const copyLog = (): Promise<void> => copyServiceLog(session, last, folder, log);
  // An interrupted run is waited for: Ctrl-C requests its end first.
  if (isFinished(last)) await copyLog();
  return { run: last, log, copyLog };
}

/** The API is unreachable: following needs it, the run itself does not. */
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

/** The command as this operator calls it: `npm run migrate:resume`. */
export function commandLine({ settings }: Session, name: string): string {
  return settings.invocation.startsWith('npm run') ? `npm run ${name}` : `${settings.invocation} ${name}`;
}

export type Level = 'INFO' | 'WARNING' | 'ERROR';

/** `logs/migration-YYYY-MM-DD.log`, by the day in UTC. */
interface LogFile {
  /** The path of today's file. */
  path(): string;
  write(level: Level, text: string): void;
}

/** Opens no file yet. @throws Problem when the folder cannot be written to. */
function createLogFile(folder: string, now: () => Date = () => new Date()): LogFile {
  const path = (): string => join(folder, `migration-${now().toISOString().slice(0, 10)}.log`);
  return {
    path,
    write(level, text) {
      appendToFile(folder, path(), `${now().toISOString()} ${level.padEnd(7)} ${escapeControls(text)}\n`);
    },
  };
}

/**
 * Appends the API's log of the run (failed attempts, validations, requests of operators) from where the last copy ended.
 * When the API is unreachable, the details are missing and the command goes on.
 */
async function copyServiceLog({ api }: Session, run: RunView, folder: string, log: LogFile): Promise<void> {
  const until = lastCopiedTimestamp(log.path(), run.id);
  let last = until;
  let text = '';
  try {
    const response = await api.open(pathOf`/runs/${run.id}/reports/${`migration_${run.stamp}.log`}`, { accept: '*/*' });
    for await (const line of readLines(readReportText(response))) {
      const at = line.slice(0, instantLength);
      if (at <= until) continue;
      text += `${line}\n`;
      if (at > last) last = at;
    }
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    log.write('WARNING', `the service's own log of run ${run.id} could not be read: ${thrown.message}`);
    return;
  }
  appendToFile(folder, log.path(), text);
  if (last > until) log.write('INFO', `${copyMark(run.id)} ${last}`);
}

const instantLength = '2024-01-15T14:30:00.000Z'.length;
const copyMark = (runId: string): string => `run ${runId} is copied from the service's log up to`;

function lastCopiedTimestamp(path: string, runId: string): string {
  if (!existsSync(path)) return '';
  const mark = copyMark(runId);
  const text = readFileSync(path, 'utf8');
  const at = text.lastIndexOf(mark);
  return at < 0 ? '' : text.slice(at + mark.length + 1, at + mark.length + 1 + instantLength);
}

async function* readLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  if (rest !== '') yield rest;
}

function appendToFile(folder: string, path: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    // It names records, which not every user of the folder may read.
    appendFileSync(path, text, { mode: 0o640 });
  } catch (cause) {
    const message = `${path} cannot be written: ${(cause as Error).message}`;
    throw new Problem({ code: 'FILE', message, remedy: 'Check the folder and its permissions.', cause });
  }
}
