import type { EntityProgress, RunView } from '../contract/runs.ts';
import { isFinished } from './exit-code.ts';
import { escapeControls, isoSeconds } from './format.ts';
import type { Stream } from './output.ts';

/** Shows the progress of a run: one line that is rewritten in a terminal, a new line every few seconds in a log. */
export interface ProgressDisplay {
  show(run: RunView): void;
  note(text: string): void;
  /** Ends the display; the last state stays on the screen. */
  end(): void;
}

const logEveryMs = 5000;

export function createProgressDisplay(stream: Stream, options: { inPlace: boolean }): ProgressDisplay {
  return options.inPlace ? createInPlaceDisplay(stream) : createLogDisplay(stream, () => Date.now());
}

/** Shows nothing. */
export const noProgressDisplay: ProgressDisplay = { show() {}, note() {}, end() {} };

function createInPlaceDisplay(stream: Stream): ProgressDisplay {
  let line = '';
  const wipe = (): string => clearSequence(line.length, stream.columns);
  return {
    show(run) {
      const next = formatProgressLine(run, new Date());
      stream.write(`${wipe()}${next}`);
      line = next;
    },
    note(text) {
      stream.write(`${wipe()}${escapeControls(text)}\n${line}`);
    },
    end() {
      if (line) stream.write('\n');
      line = '';
    },
  };
}

/** The line is longer than 80 characters: in a narrow terminal it fills several rows, and all of them are rewritten. */
function clearSequence(length: number, columns: number | undefined): string {
  const rows = columns ? Math.ceil(length / columns) : 1;
  return rows > 1 ? `\r\u001b[${rows - 1}A\u001b[J` : '\r\u001b[2K';
}

/** Exported for tests, which replace its clock. */
export function createLogDisplay(stream: Stream, now: () => number): ProgressDisplay {
  let writtenAt = Number.NEGATIVE_INFINITY;
  let waiting: RunView | undefined;
  const write = (run: RunView): void => {
    stream.write(`${formatProgressLine(run, new Date(now()))}\n`);
    writtenAt = now();
    waiting = undefined;
  };
  return {
    show(run) {
      if (now() - writtenAt >= logEveryMs) write(run);
      else waiting = run;
    },
    note: (text) => void stream.write(`${escapeControls(text)}\n`),
    end: () => {
      if (waiting) write(waiting);
    },
  };
}

export type ProgressFields = Pick<RunView, 'entities' | 'progress' | 'status' | 'startedAt' | 'finishedAt' | 'holdups'>;

/**
 * `Progress: 45.2% (452/1000) | Success: 448 | Failed: 4 | Rate: 2.3/s | ETA: 2024-01-15T14:30:00Z`, followed by the records
 * in progress and the blocker, if any. Before anything is read, a blocker replaces the figures.
 */
export function formatProgressLine(run: ProgressFields, now: Date): string {
  const { total, done, success, failed } = runTotals(run);
  const blocked = blockerText(run);
  if (total === 0 && blocked !== undefined) return `Progress: nothing was read yet | ${blocked}`;
  const underWay = underWayText(run);
  return [
    `Progress: ${percentDone(done, total, run)}% (${done}/${total})`,
    `Success: ${success}`,
    `Failed: ${failed}`,
    `Rate: ${rate(run, done).toFixed(1)}/s`,
    `ETA: ${estimatedEnd(run, now)}`,
    ...(underWay === undefined ? [] : [underWay]),
    ...(blocked === undefined ? [] : [blocked]),
  ].join(' | ');
}

/** The blockers to show: all except waiting for parents, which is a part of every run. */
function unusualBlockers(run: Pick<RunView, 'holdups' | 'status'>): RunView['holdups'] {
  return isFinished(run) ? [] : run.holdups.filter(({ code }) => code !== 'WAITING_FOR_PARENTS');
}

function blockerText(run: Pick<RunView, 'holdups' | 'status'>): string | undefined {
  const [first, ...others] = unusualBlockers(run);
  if (first === undefined) return undefined;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return escapeControls(`Blocked: ${first.what} → ${first.clears}${more}`);
}

/** The number of records that were read and are not settled, by the stage that processes them next. */
function underWayText(run: ProgressFields): string | undefined {
  if (isFinished(run)) return undefined;
  const entities = Object.values(run.entities);
  const counts = (['transform', 'load', 'reconcile'] as const)
    .map((stage) => ({ stage, count: entities.reduce((sum, one) => sum + one.waiting[stage], 0) }))
    .filter(({ count }) => count > 0)
    .map(({ stage, count }) => `${count} at ${stage}`);
  return counts.length === 0 ? undefined : `Under way: ${counts.join(', ')}`;
}

/**
 * Rounded down, and 100.0 only when nothing is left: a source that is still being read may hold more records than it counts.
 * A run without records has 100.0 when it is finished.
 */
function percentDone(done: number, total: number, run: ProgressFields): string {
  const reading = !isFinished(run) && Object.values(run.entities).some((entity) => entity.extraction !== 'done');
  if (total === 0) return isFinished(run) ? '100.0' : '0.0';
  return (Math.min(Math.floor((done * 1000) / total), reading ? 999 : 1000) / 10).toFixed(1);
}

/** Records per second now; for a finished run, over its whole time. */
function rate(run: ProgressFields, done: number): number {
  if (!isFinished(run) || run.startedAt === null || run.finishedAt === null) return run.progress.perSecond;
  const seconds = (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000;
  return seconds > 0 ? done / seconds : 0;
}

/** The estimated end; for a finished run, its end. */
function estimatedEnd(run: ProgressFields, now: Date): string {
  if (isFinished(run)) return run.finishedAt ? isoSeconds(new Date(run.finishedAt)) : 'unknown';
  const { etaSeconds } = run.progress;
  return etaSeconds === null || unusualBlockers(run).length > 0
    ? 'unknown'
    : isoSeconds(new Date(now.getTime() + etaSeconds * 1000));
}

/** The records of a run: of `total`, `done` are settled, with `success` or `failed`. */
export interface RunTotals {
  readonly total: number;
  readonly done: number;
  readonly success: number;
  readonly failed: number;
}

/** Adds up the entities of a run. */
export function runTotals(run: Pick<RunView, 'entities'>): RunTotals {
  const entities = Object.values(run.entities);
  const sum = (of: (entity: EntityProgress) => number): number => entities.reduce((all, one) => all + of(one), 0);
  const success = sum((one) => one.reconciled + one.skipped);
  const failed = sum((one) => one.rejected + one.failed + one.blocked + one.mismatched);
  return { total: sum(expectedTotal), done: success + failed, success, failed };
}

/** The records of an entity: while it is being read, the source's count; afterwards the number that was read. */
function expectedTotal(entity: EntityProgress): number {
  return entity.extraction === 'done' ? entity.extracted : Math.max(entity.extracted, entity.sourceTotal ?? 0);
}
