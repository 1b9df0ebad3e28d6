import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { idempotency } from '../schema/fleet.ts';

/** An answer kept for its repetition. */
export interface StoredResponse {
  readonly status: number;
  readonly location: string | null;
  readonly body: unknown;
}

/** What stands under a key: nothing yet, so the request may go on; or what became of the first one. */
export type Reservation =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'answered'; readonly answer: StoredResponse }
  | { readonly kind: 'running' }
  /** The first request never came to an end: its process died. Nobody knows what it did. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'other request' };

export interface IdempotencyStore {
  /** Takes the key for this request, or says what stands under it. One of many at once gets `fresh`. */
  reserve(actor: string, key: string, requestHash: string): Promise<Reservation>;
  /** Says that the first request is still at work, so that a repetition does not take it for lost. */
  touch(actor: string, key: string): Promise<void>;
  saveResponse(actor: string, key: string, answer: StoredResponse): Promise<void>;
  /** Gives the key back: the request was refused and changed nothing. */
  release(actor: string, key: string): Promise<void>;
  /** Drops what is older than a day. */
  purge(): Promise<void>;
}

// Several times as long as between two signs of life.
const lostAfter = sql`interval '5 minutes'`;

export function createIdempotencyStore(database: Database): IdempotencyStore {
  return {
    reserve: (actor, key, requestHash) => withDatabaseErrors(reserve(database, actor, key, requestHash)),
    touch: async (actor, key) => {
      const unanswered = and(matchesKey(actor, key), isNull(idempotency.status));
      await withDatabaseErrors(database.update(idempotency).set({ createdAt: sql`now()` }).where(unanswered));
    },
    saveResponse: (actor, key, answer) => withDatabaseErrors(saveResponse(database, actor, key, answer)),
    release: (actor, key) => withDatabaseErrors(release(database, actor, key)),
    purge: () => withDatabaseErrors(purge(database)),
  };
}

async function reserve(database: Database, actor: string, key: string, requestHash: string): Promise<Reservation> {
  const made = await database.insert(idempotency).values({ actor, key, requestHash }).onConflictDoNothing();
  if (made.rowCount === 1) return { kind: 'fresh' };
  const [row] = await database
    .select({
      requestHash: idempotency.requestHash,
      status: idempotency.status,
      body: idempotency.body,
      lost: sql<boolean>`${idempotency.createdAt} < now() - ${lostAfter}`,
    })
    .from(idempotency)
    .where(matchesKey(actor, key));
  // Released between the two statements: the other request is over, this one may try again.
  if (!row) return { kind: 'running' };
  if (row.requestHash !== requestHash) return { kind: 'other request' };
  if (row.status === null) return { kind: row.lost ? 'unknown' : 'running' };
  const kept = row.body as Omit<StoredResponse, 'status'>;
  return { kind: 'answered', answer: { ...kept, status: row.status } };
}

async function saveResponse(database: Database, actor: string, key: string, answer: StoredResponse): Promise<void> {
  const { status, ...body } = answer;
  await database.update(idempotency).set({ status, body }).where(matchesKey(actor, key));
}

async function release(database: Database, actor: string, key: string): Promise<void> {
  await database.delete(idempotency).where(and(matchesKey(actor, key), isNull(idempotency.status)));
}

async function purge(database: Database): Promise<void> {
  await database.delete(idempotency).where(lt(idempotency.createdAt, sql`now() - interval '1 day'`));
}

const matchesKey = (actor: string, key: string) => and(eq(idempotency.actor, actor), eq(idempotency.key, key));
