import type pg from 'pg';
import type { CutoverDatabase } from '../../src/engine/cutover/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { toDatabaseError } from '../errors.ts';
import { carryPage, countWaiting } from './carry.ts';
import { readCatalog } from './catalog/read.ts';
import { countRows, findOrphans } from './counts.ts';
import { findView, listEntries, readConflicts } from './list.ts';
import { copyParentsOfOutsideRows } from './parents.ts';
import * as records from './records.ts';
import { blockAutovacuum, inTransaction, retryUntilLocked, withCutoverLock } from './session.ts';
import { swap } from './swap.ts';

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
    carry: (stamp, tables, from) =>
      translateErrors(() => inTransaction(pool, '', (client) => carryPage(client, stamp, tables, from))),
    copyParents: (tables) =>
      translateErrors(() => inTransaction(pool, '', (client) => copyParentsOfOutsideRows(client, tables))),
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
    throw toDatabaseError(error);
  }
}
