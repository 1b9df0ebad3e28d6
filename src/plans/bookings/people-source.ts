import { createHash } from 'node:crypto';
import { z } from 'zod';
import { emailKey } from '../../email.ts';
import { DroverError } from '../../errors.ts';
import type { Page, Source, SourceContext, SourceRecord, Workspace, WorkspaceRow } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { PostgresTable, TableRow } from '../../sources/postgres/table.ts';
import { type Contact, readContact } from './contact.ts';
import { openBookings } from './params.ts';

const rowsPerPage = 5_000;
const usersPerPage = 1_000;

/**
 * Reading has two halves. The survey goes through the bookings once, by pages of their key up to the highest one at its
 * beginning, and puts what each says of its person into the workspace, by address. Then the addresses are read one after the
 * other. So one person is one record, whatever the size of the table, and no statement and no snapshot is long.
 */
const cursorSchema = z.discriminatedUnion('half', [
  z.object({ half: z.literal('survey'), after: z.string().nullable(), upTo: z.string() }),
  z.object({ half: z.literal('people'), after: z.string() }),
]);

export interface PeopleOptions {
  /** Which records are given. */
  readonly isWanted: (raw: JsonObject) => boolean;
  /** Whether the survey of an entity that was read before in the run will do; otherwise reading begins with one of its own. */
  readonly reusesSurvey: boolean;
}

/** The people in the bookings, one record for each address, and a record for each booking without a usable one. */
export function peopleSource(context: SourceContext, { isWanted, reusesSurvey }: PeopleOptions): Source {
  const table = openBookings(context);
  const { workspace } = context;
  if (workspace === undefined)
    throw new DroverError('CONFIGURATION', 'people are grouped in a workspace, and none was given');
  return {
    async read(cursor, scope, signal) {
      const page = await (scope.ids === undefined
        ? readPage(table, workspace, cursor, reusesSurvey)
        : readByIds(table, scope.ids, signal));
      return { ...page, records: page.records.filter(({ raw }) => isWanted(raw)) };
    },
  };
}

async function readPage(
  table: PostgresTable,
  workspace: Workspace,
  cursor: Json | null,
  reusesSurvey: boolean,
): Promise<Page> {
  const place = cursor === null ? await begin(table, workspace, reusesSurvey) : cursorSchema.parse(cursor);
  if (place === undefined) return { records: [], cursor: null, watermark: new Date().toISOString() };
  if (place.half === 'people') return readPeople(workspace, place.after);
  const rows = await table.page({ after: place.after, upTo: place.upTo, limit: rowsPerPage });
  const surveyed = rows.map(surveyRow);
  await workspace.put(surveyed.flatMap(({ row }) => (row ? [row] : [])));
  const last = rows.at(-1);
  const isLast = last === undefined || rows.length < rowsPerPage;
  if (isLast) await workspace.complete();
  const next = isLast ? { half: 'people', after: '' } : { half: 'survey', after: last.key, upTo: place.upTo };
  return { records: surveyed.flatMap(({ record }) => (record ? [record] : [])), cursor: next };
}

async function begin(table: PostgresTable, workspace: Workspace, reusesSurvey: boolean) {
  if (reusesSurvey && (await workspace.isComplete())) return { half: 'people', after: '' } as const;
  await workspace.clear();
  const upTo = await table.highestKey();
  return upTo === null ? undefined : ({ half: 'survey', after: null, upTo } as const);
}

async function readPeople(workspace: Workspace, after: string): Promise<Page> {
  const groups = await workspace.groups(after, usersPerPage);
  const last = groups.at(-1);
  return {
    records: groups.map(({ group, rows }) => toPerson(group, rows)),
    cursor: last === undefined || groups.length < usersPerPage ? null : { half: 'people', after: last.group },
    watermark: new Date().toISOString(),
  };
}

/** The id of a person's record. Not the address: ids are written into logs and reports. */
export const personId = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 40);

/** The id of a booking's record that belongs to no person. */
const withoutPersonId = (bookingId: string): string => `booking:${bookingId}`;

/**
 * A contact in the workspace. Contacts that say the same are one row, with the time of the first and the last booking: a
 * person with ten thousand bookings and one phone number is one row.
 */
function surveyRow({ key: bookingId, values }: TableRow): {
  readonly row?: WorkspaceRow;
  readonly record?: SourceRecord;
} {
  const contact = readContact(values.contact);
  const key = contact ? emailKey(contact.email) : null;
  if (!contact || key === null) {
    const reason =
      contact === undefined ? 'BAD_CONTACT' : contact === null || contact.email === null ? 'NO_EMAIL' : 'BAD_EMAIL';
    const isUnreadable = contact?.unreadable.includes('email') === true;
    return {
      record: {
        sourceId: withoutPersonId(bookingId),
        raw: { booking: bookingId, reason: isUnreadable ? 'BAD_EMAIL' : reason, contact: values.contact ?? null },
      },
    };
  }
  const said = saidBy(contact);
  const row = createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 40);
  return { row: { group: key, row, value: said, rank: `${instantRank(values.createdAt)} ${bookingId}` } };
}

const saidBy = ({ email, unreadable, ...fields }: Contact): JsonObject => ({
  ...fields,
  email,
  ...(unreadable.length > 0 ? { unreadable: [...unreadable] } : {}),
});

// Texts of PostgreSQL in UTC (`2024-01-31 10:00:00+00`) are in the order of time; what has no time comes first.
const instantRank = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

interface RankedValue {
  readonly value: JsonObject;
  readonly lowest: string;
  readonly highest: string;
}

function toPerson(key: string, rows: readonly RankedValue[]): SourceRecord {
  // The newest first. The rank ends with the id of the booking.
  const newest = [...rows].sort((a, b) => (a.highest < b.highest ? 1 : a.highest > b.highest ? -1 : 0));
  return {
    sourceId: personId(key),
    raw: {
      email: key,
      since: rows.map(({ lowest }) => timeOf(lowest)).reduce((a, b) => (b !== '' && (a === '' || b < a) ? b : a), ''),
      contacts: newest.map(({ value, highest }) => ({ ...value, at: timeOf(highest), booking: bookingOf(highest) })),
    },
  };
}

// `2024-01-31 10:00:00+00 <booking id>`: the time has one blank, and none where it is empty.
const timeOf = (rank: string): string => /^(\S+ \S+) /.exec(rank)?.[1] ?? '';
const bookingOf = (rank: string): string => rank.slice(timeOf(rank).length + 1);

/** Records that an operator asked for: bookings by their id, people by a reading of all bookings, as addresses have no index. */
async function readByIds(table: PostgresTable, ids: readonly string[], signal: AbortSignal): Promise<Page> {
  const bookings = ids.filter((id) => id.startsWith('booking:')).map((id) => id.slice('booking:'.length));
  const records = (await table.rowsOf(bookings)).map((row) => surveyRow(row).record ?? withEmail(row.key));
  const wanted = new Set(ids.filter((id) => /^[0-9a-f]{40}$/.test(id)));
  const people = wanted.size === 0 ? [] : await findPeople(table, wanted, signal);
  return { records: [...records, ...people], cursor: null };
}

/** A booking that was rejected for its address and has got one since: its person is another record. */
const withEmail = (bookingId: string): SourceRecord => ({
  sourceId: withoutPersonId(bookingId),
  raw: { booking: bookingId, reason: 'HAS_EMAIL' },
});

async function findPeople(
  table: PostgresTable,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SourceRecord[]> {
  const groups = new Map<string, Map<string, RankedValue>>();
  const upTo = await table.highestKey();
  for (let after: string | null = null; upTo !== null && !signal.aborted; ) {
    const rows = await table.page({ after, upTo, limit: rowsPerPage });
    for (const { row } of rows.map(surveyRow)) {
      if (row === undefined || !wanted.has(personId(row.group))) continue;
      const group = groups.get(row.group) ?? new Map<string, RankedValue>();
      group.set(row.row, withRank(group.get(row.row), row));
      groups.set(row.group, group);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsPerPage) break;
    after = last.key;
  }
  return [...groups].map(([key, rows]) => toPerson(key, [...rows.values()]));
}

function withRank(known: RankedValue | undefined, { value, rank }: WorkspaceRow): RankedValue {
  const ranks = [rank, ...(known ? [known.lowest, known.highest] : [])].sort();
  return { value, lowest: ranks[0] ?? rank, highest: ranks.at(-1) ?? rank };
}
