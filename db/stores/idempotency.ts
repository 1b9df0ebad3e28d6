import { AsyncLocalStorage } from 'node:async_hooks';
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { Database, Queries } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { idempotency } from '../schema/fleet.ts';

/** A stored answer. */
export interface StoredResponse {
  readonly status: number;
  readonly location: string | null;
  readonly body: unknown;
}

/** What is stored under a key: nothing (`fresh`, the request may proceed), or the outcome of the first request. */
export type Reservation =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'answered'; readonly answer: StoredResponse }
  | { readonly kind: 'running' }
  /** The process of the first request died; its outcome is unknown. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'other request' };

export interface IdempotencyStore {
  /** Reserves the key for this request, or returns what is stored under it. Of concurrent calls one gets `fresh`. */
  reserve(actor: string, key: string, requestHash: string): Promise<Reservation>;
  /** Marks the first request as still running, so that it does not count as lost. */
  touch(actor: string, key: string): Promise<void>;
  saveResponse(actor: string, key: string, answer: StoredResponse): Promise<void>;
  /**
   * Deletes the reservation of a request that changed nothing. Returns false, and keeps it, when the change was committed. A
   * commit whose reply was lost and which is still in progress holds the row, so this waits for its outcome.
   */
  release(actor: string, key: string): Promise<boolean>;
  /** Deletes rows older than a day. */
  purge(): Promise<void>;
}

// Several times the interval of `touch` (one minute).
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
  // Released between the two statements: the other request has ended, this one may be repeated.
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

async function release(database: Database, actor: string, key: string): Promise<boolean> {
  const unchanged = and(matchesKey(actor, key), isNull(idempotency.status), isNull(idempotency.changedAt));
  const deleted = await database.delete(idempotency).where(unchanged);
  return deleted.rowCount === 1;
}

/** The reservation of the request whose handler is running, for `markChanged`. */
const requestReservation = new AsyncLocalStorage<{ readonly actor: string; readonly key: string }>();

/** Runs the handler of a request that holds this reservation: changes in it are marked on the reservation. */
export function runWithReservation(
  reservation: { readonly actor: string; readonly key: string },
  run: () => void,
): void {
  requestReservation.run(reservation, run);
}

/** Marks the reservation of the current request as changed, in the transaction of the change. No-op outside of one. */
export async function markChanged(tx: Queries): Promise<void> {
  const reservation = requestReservation.getStore();
  if (reservation === undefined) return;
  await tx
    .update(idempotency)
    .set({ changedAt: sql`now()` })
    .where(and(matchesKey(reservation.actor, reservation.key), isNull(idempotency.status)));
}

async function purge(database: Database): Promise<void> {
  await database.delete(idempotency).where(lt(idempotency.createdAt, sql`now() - interval '1 day'`));
}

const matchesKey = (actor: string, key: string) => and(eq(idempotency.actor, actor), eq(idempotency.key, key));
