import type { RunView } from './answers.ts';
import { isFinished } from './exit-code.ts';
import { runTotals } from './tally.ts';
import { isoSeconds } from './time.ts';

export type ProgressFields = Pick<RunView, 'entities' | 'progress' | 'status' | 'startedAt' | 'finishedAt'>;

/** `Progress: 45.2% (452/1000) | Success: 448 | Failed: 4 | Rate: 2.3/s | ETA: 2024-01-15T14:30:00Z` */
export function formatProgressLine(run: ProgressFields, now: Date): string {
  const { total, done, success, failed } = runTotals(run);
  return [
    `Progress: ${percentDone(done, total, run)}% (${done}/${total})`,
    `Success: ${success}`,
    `Failed: ${failed}`,
    `Rate: ${rate(run, done).toFixed(1)}/s`,
    `ETA: ${estimatedEnd(run, now)}`,
  ].join(' | ');
}

/**
 * Rounded down, and 100.0 is only said when nothing is left: a source that is still being read may always hold one more.
 * A run over nothing is at its end when it ends.
 */
function percentDone(done: number, total: number, run: ProgressFields): string {
  const reading = !isFinished(run) && Object.values(run.entities).some((entity) => entity.extraction !== 'done');
  if (total === 0) return isFinished(run) ? '100.0' : '0.0';
  return (Math.min(Math.floor((done * 1000) / total), reading ? 999 : 1000) / 10).toFixed(1);
}

/** How fast it is; of a finished run, how fast it was on the whole. */
function rate(run: ProgressFields, done: number): number {
  if (!isFinished(run) || run.startedAt === null || run.finishedAt === null) return run.progress.perSecond;
  const seconds = (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000;
  return seconds > 0 ? done / seconds : 0;
}

/** When it will be done; of a finished run, when it was. */
function estimatedEnd(run: ProgressFields, now: Date): string {
  if (isFinished(run)) return run.finishedAt ? isoSeconds(new Date(run.finishedAt)) : 'unknown';
  const { etaSeconds } = run.progress;
  return etaSeconds === null ? 'unknown' : isoSeconds(new Date(now.getTime() + etaSeconds * 1000));
}
