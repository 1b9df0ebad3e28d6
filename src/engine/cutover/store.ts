import type pg from 'pg';
import type { CutoverPlan, Phase, RelationName, RowCounts, SwapTiming, TablePair } from '../../contract/cutover.ts';
import { DroverError } from '../../errors.ts';
import { identifier, literal } from '../../plan/sql.ts';
import { carryAll, carryPage, countWaiting } from './carry.sql.ts';
import { copyParentsOfOutsideRows } from './carry-parents.sql.ts';
import { readCatalog } from './catalog.sql.ts';
import type { Catalog } from './catalog.ts';
import { displayName, quoteName } from './names.ts';
import * as records from './records.sql.ts';
import { findView, heldBySql, listEntries, lockLostError, readConflicts } from './records.sql.ts';
import {
  blockAutovacuum,
  inTransaction,
  lockAllSql,
  lockLostCode,
  lockTimesSql,
  retryUntilLocked,
  toExchangeError,
  withCutoverLock,
} from './session.sql.ts';
import type { CutoverDatabase, SwapRequest } from './types.ts';

/**
 * The cutover engine's database, over a pool of the database the tables are in. It takes up to three connections at
 * once, and its statements as long as they need. The role must own the tables, or be a superuser, and be allowed to
 * make schemas. `note` is called in each transaction that begins, decides on or drops something.
 */
export function createCutoverDatabase(pool: pg.Pool, note: records.AuditNote = async () => undefined): CutoverDatabase {
  let holder = 0;
  const reading = 'ISOLATION LEVEL REPEATABLE READ READ ONLY';
  return {
    withLock: (work) =>
      withCutoverLock(pool, (pid) => {
        holder = pid;
        return work();
      }),
    stamp: () => translateErrors(async () => (await pool.query<{ stamp: string }>(stampSql)).rows[0]?.stamp ?? ''),
    catalog: (pairs) => translateErrors(() => inTransaction(pool, reading, (client) => readCatalog(client, pairs))),
    counts: (pairs) => translateErrors(() => inTransaction(pool, reading, (client) => countRows(client, pairs))),
    findOrphans: (catalog, plan) =>
      translateErrors(() => inTransaction(pool, reading, (client) => findOrphans(client, catalog, plan))),
    run: async (sql, options, tables = []) => {
      await retryUntilLocked(options, (attempt) =>
        inTransaction(pool, '', async (client) => {
          if (attempt > 1) await blockAutovacuum(client, tables);
          await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
          await client.query(sql);
        }),
      );
    },
    swap: (request) => swap(pool, request, holder),
    carry: (rollback, from) =>
      translateErrors(() => inTransaction(pool, '', (client) => carryPage(client, rollback, from))),
    copyParents: (rollback) =>
      translateErrors(() =>
        inTransaction(pool, '', async (client) => void (await copyParentsOfOutsideRows(client, rollback))),
      ),
    countWaiting: (stamp, tables) => translateErrors(() => countWaiting(pool, stamp, tables)),
    begin: (record) => translateErrors(() => records.beginRecord(pool, record, note)),
    applyDecision: (stamp, status) => translateErrors(() => records.applyDecision(pool, stamp, status, note)),
    saveStatus: (stamp, status, kept) => translateErrors(() => records.saveStatus(pool, stamp, status, kept, holder)),
    saveProgress: (stamp, at) => translateErrors(() => records.saveProgress(pool, stamp, at)),
    find: (stamp) => translateErrors(() => records.findRecord(pool, stamp)),
    list: () => translateErrors(() => listEntries(pool)),
    view: (stamp) => translateErrors(() => findView(pool, stamp)),
    conflicts: (stamp, from, limit) => translateErrors(() => readConflicts(pool, stamp, from, limit)),
    dropBackup: async (stamp, options) => {
      const record = await translateErrors(() => records.findRecord(pool, stamp));
      if (!record) throw new DroverError('NOT_FOUND', `there is no backup ${JSON.stringify(stamp)}`);
      await records.dropBackup(pool, record, options, note);
    },
    dropEmptySchemas: (stamp, tables) => translateErrors(() => records.dropEmptySchemas(pool, stamp, tables)),
  };
}

const stampSql = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM_DD_HH24_MI_SS_MS') AS stamp`;

async function translateErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toExchangeError(error);
  }
}

type Swapped = SwapTiming & { readonly counts: Awaited<ReturnType<typeof countRows>> };

/** The one transaction. Tried again as a whole while its locks are not to be had; each try leaves nothing behind. */
async function swap(pool: pg.Pool, request: SwapRequest, holder: number): Promise<Swapped> {
  const { answer, attempts } = await retryUntilLocked(request.options, () =>
    trySwap(pool, request, holder).catch((error: { code?: string }) => {
      throw error.code === lockLostCode ? lockLostError(request.record.stamp) : error;
    }),
  );
  return { ...answer, attempts };
}

async function trySwap(pool: pg.Pool, request: SwapRequest, holder: number): Promise<Omit<Swapped, 'attempts'>> {
  const { record, options } = request;
  // Counting live rows would keep a lock on them until the end; so it is done before, and incoming ones inside.
  const live = await countRows(pool, record.tables, 'live');
  if (record.ofStamp) await catchUp(pool, record);
  let timing = { lockWaitMs: 0, lockedMs: 0 };
  const done = await inTransaction(pool, '', async (client) => {
    await blockAutovacuum(client, request.plan.locks);
    await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
    const incomingNames = record.tables.map(({ incoming }) => quoteName(incoming)).join(', ');
    // Writers are kept out first, and the checks read what no write changes any more; the live tables are free meanwhile.
    await client.query(`LOCK TABLE ${incomingNames} IN SHARE ROW EXCLUSIVE MODE`);
    const incoming = await countRows(client, record.tables, 'incoming');
    const counts = incoming.map((count, index) => ({ ...count, live: live[index]?.live ?? 0 }));
    await request.checkIncoming(counts);
    await client.query(`LOCK TABLE ${incomingNames} IN ACCESS EXCLUSIVE MODE`);
    await client.query(`${phaseSql(request, 'staged')}SELECT 1`);
    const locks = request.plan.steps.filter((step) => step.phase === 'lock').map((step) => step.sql);
    const locking = lockAllSql(locks, options.lockTimeoutMs);
    const swapping = `${phaseSql(request, 'swap')}${markSwappedSql(request, holder)}`;
    // From the first lock to the commit in one message: a round trip each would hold the locks for the length of the network.
    // A rollback asks between them what was written last.
    if (record.ofStamp) {
      await client.query(locking);
      await carryAll(client, record);
    }
    timing = await commitSwap(client, `${record.ofStamp ? '' : `${locking};\n`}${swapping}`);
    return { counts };
  });
  return { ...done, ...timing };
}

/** Ends the transaction and reads how long its locks were waited for and held; the clock is the server's. */
async function commitSwap(client: pg.PoolClient, sql: string): Promise<Omit<SwapTiming, 'attempts'>> {
  const answers = await client.query(`${sql};\nCOMMIT;\n${lockTimesSql}`);
  const [times] = (answers as unknown as pg.QueryResult<Omit<SwapTiming, 'attempts'>>[]).at(-1)?.rows ?? [];
  return { lockWaitMs: roundMs(times?.lockWaitMs ?? 0), lockedMs: roundMs(times?.lockedMs ?? 0) };
}

// The fewer changes wait when the locks are taken, the shorter they are held.
const maxChangesBeforeLocks = 50;

async function catchUp(pool: pg.Pool, rollback: SwapRequest['record']): Promise<void> {
  for (let pass = 0; pass < 10; pass += 1) {
    const page = await inTransaction(pool, '', (client) => carryPage(client, rollback, 'fresh'));
    if (page.carried + page.conflicts.length < maxChangesBeforeLocks) break;
  }
}

/** The statements of a phase as one text. */
function phaseSql({ plan }: SwapRequest, phase: Phase): string {
  return plan.steps
    .filter((step) => step.phase === phase)
    .map((step) => `${step.sql};\n`)
    .join('');
}

/**
 * The exchange is noted in its own transaction, and only by the lock's holder: a process that lost its lock with its connection
 * has been taken for dead, and another may be at work. The statement fails then, and nothing of the swap is done.
 */
function markSwappedSql({ record }: SwapRequest, holder: number): string {
  const restored = record.ofStamp
    ? `UPDATE drover.cutovers SET status = 'restored' WHERE stamp = ${literal(record.ofStamp)};`
    : '';
  return `DO $mark$ BEGIN
  UPDATE drover.cutovers SET status = 'done', active = NULL, swapped_at = pg_catalog.clock_timestamp()
    WHERE stamp = ${literal(record.stamp)} AND status = 'preparing' AND ${heldBySql(String(holder))};
  IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = '${lockLostCode}', MESSAGE = 'the lock of the cutover was lost'; END IF;
  ${restored}
END $mark$`;
}

function roundMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}

type CountingClient = pg.Pool | pg.PoolClient;

/** Rows of both tables of each pair, or of one side only; the other side then reads 0. */
async function countRows(
  client: CountingClient,
  pairs: readonly TablePair[],
  side: 'both' | 'live' | 'incoming' = 'both',
): Promise<RowCounts[]> {
  const counted: RowCounts[] = [];
  for (const { incoming, live } of pairs) {
    const count = async (wanted: typeof side, table: string) =>
      side === 'both' || side === wanted ? countTable(client, table) : 0;
    counted.push({
      table: displayName(live),
      incoming: await count('incoming', quoteName(incoming)),
      live: await count('live', quoteName(live)),
    });
  }
  return counted;
}

async function countTable(client: CountingClient, table: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
  return Number(rows[0]?.n);
}

/** Rows of tables outside the set whose key would point at nothing once the incoming tables are live. */
async function findOrphans(client: CountingClient, catalog: Catalog, plan: CutoverPlan): Promise<string[]> {
  const found: string[] = [];
  const byOid = new Map([...catalog.tables.values()].map((table) => [table.oid, table]));
  for (const key of catalog.incomingKeys) {
    const target = byOid.get(key.references);
    const exchange = plan.tables.find(
      ({ live }) => target && live.schema === target.schema && live.name === target.name,
    );
    if (!exchange || !key.validated) continue;
    const pairs = key.columns.map(
      (column, index) => [identifier(column), identifier(key.targetColumns[index] ?? '')] as const,
    );
    const held = / PERIOD /.test(key.definition)
      ? coversSql(pairs, exchange.incoming)
      : existsSql(pairs, exchange.incoming);
    const sql = `SELECT count(*) AS n FROM ${quoteName(key.table)} o
      WHERE ${pairs.map(([column]) => `o.${column} IS NOT NULL`).join(' AND ')} AND NOT ${held}`;
    const { rows } = await client.query<{ n: string }>(sql);
    if (rows[0] && rows[0].n !== '0')
      found.push(
        `${rows[0].n} rows of ${displayName(key.table)} point (${key.name}) at rows of ${displayName(exchange.live)} that ${displayName(exchange.incoming)} does not have`,
      );
  }
  return found;
}

type ColumnPairs = readonly (readonly [own: string, other: string])[];

function existsSql(pairs: ColumnPairs, incoming: RelationName): string {
  const same = pairs.map(([column, other]) => `i.${other} = o.${column}`).join(' AND ');
  return `EXISTS (SELECT FROM ${quoteName(incoming)} i WHERE ${same})`;
}

/** Of a key over a period: the periods of the rows it points at together hold its own, which is its last column. */
function coversSql(pairs: ColumnPairs, incoming: RelationName): string {
  const same = pairs
    .slice(0, -1)
    .map(([column, other]) => `i.${other} = o.${column}`)
    .join(' AND ');
  const [column, other] = pairs.at(-1) ?? ['', ''];
  return `coalesce((SELECT pg_catalog.range_agg(i.${other}) OPERATOR(pg_catalog.@>) o.${column} FROM ${quoteName(incoming)} i WHERE ${same}), false)`;
}
