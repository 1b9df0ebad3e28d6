import { z } from 'zod';
import type { JsonObject } from '../../plan/json.ts';

/**
 * Where a scan stands. Rows come in the order of their creation time, then id.
 * Bubble's own cursor is an offset: it ends at a wall, and it slips when rows before it vanish. So the place is kept twice,
 * as an offset and as a creation time, and the first row of every page must be the last one of the page before.
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
  /** The newest creation time older than `at`: beyond it lie the row read last, its ties, and all that is unread. */
  before: z.string().nullable(),
  /** Rows read that were created at `at`: the place in the list beyond `before`. */
  tied: z.int().min(0),
  /** Ids of those rows, the newest 200, to know them again when their order turns out to have changed. */
  ties: z.array(z.string()),
  /** False once rows came out of order: then creation times say nothing about what is unread. */
  sorted: z.boolean(),
  /** How often the rows created at `at` were read anew because their order had changed. */
  rewinds: z.int().min(0),
  /** When the scan began, by Bubble's clock. */
  startedAt: z.string(),
});

export type ScanPosition = z.infer<typeof positionSchema>;

/** A row as the scan sees it. */
export interface ScanRow {
  readonly id: string;
  readonly created: string;
  readonly raw: JsonObject;
}

const maxTies = 200;

export function startPosition(): ScanPosition {
  const nothing = { after: null, offset: 0, last: '', at: null, before: null, tied: 0, ties: [] };
  return { kind: 'scan', ...nothing, sorted: true, rewinds: 0, startedAt: '' };
}

/** The same place, counted from the newest creation time whose rows are all read. Undefined when it is that already. */
export function rebase(position: ScanPosition): ScanPosition | undefined {
  const { before, tied, after, offset } = position;
  if (before === after && tied === offset) return undefined;
  return { ...position, after: before, offset: tied };
}

/** Back to the first of the rows created together with the one read last. Undefined when it stands there already. */
export function rewind(position: ScanPosition): ScanPosition | undefined {
  if (position.offset === 0) return undefined;
  const { before, rewinds } = position;
  return { ...position, after: before, offset: 0, last: '', tied: 0, rewinds: rewinds + 1 };
}

/** The place after these rows. */
export function advance(position: ScanPosition, rows: readonly ScanRow[]): ScanPosition {
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
