import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { readReportText } from '../download.ts';
import { Problem } from '../problem.ts';
import type { Session } from '../session.ts';
import { escapeControls } from '../text.ts';

export type Level = 'INFO' | 'WARNING' | 'ERROR';

/** `logs/migration-YYYY-MM-DD.log`, by the day in UTC. */
export interface LogFile {
  /** The file of today. */
  path(): string;
  write(level: Level, text: string): void;
}

/** Opens nothing yet. @throws Problem when the folder cannot be written to. */
export function createLogFile(folder: string, now: () => Date = () => new Date()): LogFile {
  const path = (): string => join(folder, `migration-${now().toISOString().slice(0, 10)}.log`);
  return {
    path,
    write(level, text) {
      appendToFile(folder, path(), `${now().toISOString()} ${level.padEnd(7)} ${escapeControls(text)}\n`);
    },
  };
}

/**
 * Copies what the service has written down of the run (every try that failed, validations, who asked for what) behind
 * what was copied of it before. A service that cannot be asked costs the details and not the command.
 */
export async function copyServiceLog({ api }: Session, run: RunView, folder: string, log: LogFile): Promise<void> {
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
    // It names records, and whoever may read the folder may not be meant to.
    appendFileSync(path, text, { mode: 0o640 });
  } catch (cause) {
    const message = `${path} cannot be written: ${(cause as Error).message}`;
    throw new Problem({ code: 'FILE', message, remedy: 'Check the folder and its permissions.', cause });
  }
}
