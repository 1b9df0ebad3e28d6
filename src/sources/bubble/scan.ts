import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { BubbleApi, Constraint, ListAnswer } from './api.ts';
import type { BubbleSettings } from './settings.ts';

export interface ScanStep {
  /** Rows not read before. */
  readonly rows: readonly ScanRow[];
  /** The position of the next page, or undefined at the end. */
  readonly next: ScanPosition | undefined;
  /** By Bubble's clock, in milliseconds since 1970. */
  readonly answeredAt: number;
}

export interface Scan {
  readonly api: BubbleApi;
  readonly settings: BubbleSettings;
  /** The constraints of the run's window. */
  readonly window: readonly Constraint[];
}

/** Enough for a source that behaves; one that answers in a new order each time would be read without end. */
const maxRewinds = 20;

/**
 * The next page of a scan over all rows of a type.
 *
 * There are three ways to continue from a position, and the first whose page contains the row read last is used: the next
 * offset; the same position counted from a newer creation time, when the wall is near or rows before it were deleted; the
 * first of the rows created together with that row, when their order changed. None of them can skip an unread row.
 * @throws DroverError UPSTREAM_BAD_ANSWER when none of them continues.
 */
export async function scanNextPage(scan: Scan, position: ScanPosition, signal: AbortSignal): Promise<ScanStep> {
  const ways = position.sorted ? [position, rebase(position), rewind(position)] : [position];
  for (const way of ways.filter((each) => each !== undefined)) {
    const found = await readAt(scan, way, signal);
    if (found === 'wall' && isRebased(way)) break; // any other way meets it too
    if (typeof found === 'object') return stepFrom(scan, way, found);
  }
  throw cannotContinue(position, scan.settings);
}

type PageOrObstacle = ListAnswer | 'wall' | 'slipped';

/** Rows and the number left after them; `wall` where the source returns none, `slipped` where rows have moved. */
async function readAt(scan: Scan, way: ScanPosition, signal: AbortSignal): Promise<PageOrObstacle> {
  const { pageSize, wall } = scan.settings;
  const overlap = way.offset > 0 && way.last !== '' ? 1 : 0;
  const limit = Math.min(Math.max(pageSize, overlap + 1), wall - way.offset + overlap);
  if (limit <= overlap) return 'wall';
  const answer = await list(scan, way, way.offset - overlap, limit, signal);
  if (isDeadEnd(answer)) return 'wall';
  if (overlap === 0) return answer;
  const [first, ...rest] = answer.rows;
  if (!isLast(first, way, scan)) return 'slipped';
  if (rest.some((row) => way.ties.includes(idOf(row, scan.settings)))) return 'slipped';
  if (rest.length > 0 || answer.remaining === 0) return { ...answer, rows: rest };
  return readPast(scan, way, limit - overlap, signal);
}

/**
 * A source that returns one row at a time would return the row read last again and again. So the next row is read alone,
 * and then the last again, in case rows moved between the two requests.
 */
async function readPast(scan: Scan, way: ScanPosition, limit: number, signal: AbortSignal): Promise<PageOrObstacle> {
  const answer = await list(scan, way, way.offset, limit, signal);
  if (isDeadEnd(answer)) return 'wall';
  const { rows } = await list(scan, way, way.offset - 1, 1, signal);
  return isLast(rows[0], way, scan) ? answer : 'slipped';
}

function isLast(row: JsonObject | undefined, { last }: ScanPosition, { settings }: Scan): boolean {
  return row !== undefined && idOf(row, settings) === last;
}

/** Counted from the newest creation time whose rows are all read. */
function isRebased({ after, before, offset, tied }: ScanPosition): boolean {
  return after === before && offset === tied;
}

/** No rows although more are left: the wall, or a faulty answer. */
function isDeadEnd({ rows, remaining }: ListAnswer): boolean {
  return rows.length === 0 && remaining !== undefined && remaining > 0;
}

function list(
  { api, settings, window }: Scan,
  { after }: ScanPosition,
  offset: number,
  limit: number,
  signal: AbortSignal,
) {
  const { createdKey, idKey } = settings;
  const beyond = after === null ? [] : [{ key: createdKey, constraint_type: 'greater than' as const, value: after }];
  return api.list({ constraints: [...window, ...beyond], sort: [createdKey, idKey], offset, limit }, signal);
}

function stepFrom({ settings }: Scan, way: ScanPosition, { rows: raws, remaining, answeredAt }: ListAnswer): ScanStep {
  const rows = raws.map((raw) => rowOf(raw, settings));
  assertBeyond(way, rows);
  if (way.rewinds > maxRewinds) {
    throw new DroverError(
      'UPSTREAM_BAD_ANSWER',
      `bubble: rows created at ${way.at} are returned in another order each time`,
    );
  }
  const ended = remaining === 0 || rows.length === 0;
  return { rows: unreadRows(way, rows), next: ended ? undefined : advance(way, rows), answeredAt };
}

function unreadRows({ ties }: ScanPosition, rows: readonly ScanRow[]): ScanRow[] {
  const seen = new Set(ties);
  return rows.filter(({ id }) => id === '' || (!seen.has(id) && seen.add(id)));
}

/** A source that ignores the constraint would answer from its beginning, and the scan would never end. */
function assertBeyond({ after }: ScanPosition, rows: readonly ScanRow[]): void {
  const early = after === null ? undefined : rows.find(({ created }) => Date.parse(created) < Date.parse(after));
  if (early === undefined) return;
  throw new DroverError(
    'UPSTREAM_BAD_ANSWER',
    `bubble: a row created at ${early.created} was returned to a request for rows newer than ${after}`,
  );
}

function cannotContinue({ at, offset, sorted, tied }: ScanPosition, { wall, pageSize }: BubbleSettings): DroverError {
  if (!sorted) {
    const message = `bubble: rows are not in order of creation, so nothing can be read safely beyond row ${offset}`;
    return new DroverError('UPSTREAM_BAD_ANSWER', message);
  }
  if (tied >= Math.min(pageSize, wall - 1)) {
    const message = `bubble: more rows share the creation time ${at} than can be paged (${tied} read, the wall is ${wall})`;
    return new DroverError('UPSTREAM_BAD_ANSWER', message, {
      remedy: 'Read this type from a CSV export, or ask Bubble for a plan with a higher limit.',
    });
  }
  return new DroverError('UPSTREAM_BAD_ANSWER', `bubble: no rows after ${offset} although the app reports more`);
}

function rowOf(raw: JsonObject, settings: BubbleSettings): ScanRow {
  return { id: idOf(raw, settings), created: textOf(raw[settings.createdKey]), raw };
}

function idOf(raw: JsonObject, { idKey }: BubbleSettings): string {
  return textOf(raw[idKey]);
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/**
 * The position of a scan. Rows are read in the order of their creation time, then id.
 * Bubble's own cursor is an offset: it is limited (the wall), and it shifts when rows before it are deleted. So the position
 * is stored twice, as an offset and as a creation time, and the first row of every page must be the last of the page before.
 */
export const positionSchema = z.object({
  kind: z.literal('scan'),
  /** Only rows created after this are in the list being paged; null for all. */
  after: z.string().nullable(),
  /** Rows of that list already read. */
  offset: z.int().min(0),
  /** Id and creation time of the row read last. */
  last: z.string(),
  at: z.string().nullable(),
  /** The newest creation time older than `at`: after it come the row read last, its ties, and all unread rows. */
  before: z.string().nullable(),
  /** Number of rows read that were created at `at`: the offset in the list after `before`. */
  tied: z.int().min(0),
  /** Ids of those rows, the newest 200, to recognise them when their order has changed. */
  ties: z.array(z.string()),
  /** False once rows were out of order: creation times then no longer separate read from unread rows. */
  sorted: z.boolean(),
  /** How often the rows created at `at` were read again because their order had changed. */
  rewinds: z.int().min(0),
  /** When the scan began, by Bubble's clock. */
  startedAt: z.string(),
});

export type ScanPosition = z.infer<typeof positionSchema>;

/** A row as the scan sees it. */
interface ScanRow {
  readonly id: string;
  readonly created: string;
  readonly raw: JsonObject;
}

const maxTies = 200;

export function startPosition(): ScanPosition {
  const nothing = { after: null, offset: 0, last: '', at: null, before: null, tied: 0, ties: [] };
  return { kind: 'scan', ...nothing, sorted: true, rewinds: 0, startedAt: '' };
}

/** The same position, counted from the newest creation time whose rows are all read. Undefined when it is that already. */
function rebase(position: ScanPosition): ScanPosition | undefined {
  const { before, tied, after, offset } = position;
  if (before === after && tied === offset) return undefined;
  return { ...position, after: before, offset: tied };
}

/** The position of the first row created together with the one read last. Undefined when it is that already. */
function rewind(position: ScanPosition): ScanPosition | undefined {
  if (position.offset === 0) return undefined;
  const { before, rewinds } = position;
  return { ...position, after: before, offset: 0, last: '', tied: 0, rewinds: rewinds + 1 };
}

/** The position after these rows. */
function advance(position: ScanPosition, rows: readonly ScanRow[]): ScanPosition {
  const next = rows.reduce(advanceByRow, { ...position, ties: [...position.ties] });
  return { ...next, offset: position.offset + rows.length, ties: next.ties.slice(-maxTies) };
}

function advanceByRow(position: ScanPosition, { id, created }: ScanRow): ScanPosition {
  const step = position.at === null ? 1 : Date.parse(created) - Date.parse(position.at);
  if (!(step >= 0)) return { ...position, last: id, at: created, sorted: false };
  if (step > 0) {
    const before = position.tied > 0 ? position.at : position.before;
    return { ...position, last: id, at: created, before, tied: 1, ties: [id], rewinds: 0 };
  }
  if (!position.ties.includes(id)) position.ties.push(id);
  return { ...position, last: id, tied: position.tied + 1 };
}
