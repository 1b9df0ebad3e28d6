import type pg from 'pg';
import type { CutoverDatabase } from '../../src/engine/cutover/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { toDatabaseError } from '../errors.ts';
import { carryPage, countWaiting } from './carry.ts';
import { readCatalog } from './catalog/read.ts';
import { countRows, findOrphans } from './counts.ts';
import { conflicts, list, view } from './list.ts';
import { bringParentsOfOutside } from './parents.ts';
import * as records from './records.ts';
import { alone, calm, inTransaction, untilLocked } from './session.ts';
import { swap } from './swap.ts';

/**
 * The cutover engine's database, over a pool of the database the tables are in. It takes up to three connections at
 * once, and its statements as long as they need. The role must own the tables, or be a superuser, and be allowed to
 * make schemas. `note` is called in each transaction that begins, decides on or drops something.
 */
export function createCutoverDatabase(pool: pg.Pool, note: records.Note = async () => undefined): CutoverDatabase {
  let holder = 0;
  const reading = 'ISOLATION LEVEL REPEATABLE READ READ ONLY';
  return {
    alone: (work) =>
      alone(pool, (pid) => {
        holder = pid;
        return work();
      }),
    stamp: () => coded(async () => (await pool.query<{ stamp: string }>(stampSql)).rows[0]?.stamp ?? ''),
    catalog: (pairs) => coded(() => inTransaction(pool, reading, (client) => readCatalog(client, pairs))),
    counts: (pairs) => coded(() => inTransaction(pool, reading, (client) => countRows(client, pairs))),
    orphans: (catalog, plan) =>
      coded(() => inTransaction(pool, reading, (client) => findOrphans(client, catalog, plan))),
    run: async (sql, options, tables = []) => {
      await untilLocked(options, (attempt) =>
        inTransaction(pool, '', async (client) => {
          if (attempt > 1) await calm(client, tables);
          await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
          await client.query(sql);
        }),
      );
    },
    swap: (request) => swap(pool, request, holder),
    carry: (stamp, tables, from) =>
      coded(() => inTransaction(pool, '', (client) => carryPage(client, stamp, tables, from))),
    adopt: (tables) => coded(() => inTransaction(pool, '', (client) => bringParentsOfOutside(client, tables))),
    waiting: (stamp, tables) => coded(() => countWaiting(pool, stamp, tables)),
    begin: (record) => coded(() => records.begin(pool, record, note)),
    decide: (stamp, status) => coded(() => records.decide(pool, stamp, status, note)),
    mark: (stamp, status, kept) => coded(() => records.mark(pool, stamp, status, kept, holder)),
    progress: (stamp, at) => coded(() => records.progress(pool, stamp, at)),
    find: (stamp) => coded(() => records.find(pool, stamp)),
    list: () => coded(() => list(pool)),
    view: (stamp) => coded(() => view(pool, stamp)),
    conflicts: (stamp, from, limit) => coded(() => conflicts(pool, stamp, from, limit)),
    drop: async (stamp, options) => {
      const record = await coded(() => records.find(pool, stamp));
      if (!record) throw new DroverError('NOT_FOUND', `there is no backup ${JSON.stringify(stamp)}`);
      await records.drop(pool, record, options, note);
    },
    tidy: (stamp, tables) => coded(() => records.tidy(pool, stamp, tables)),
  };
}

const stampSql = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM_DD_HH24_MI_SS_MS') AS stamp`;

async function coded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toDatabaseError(error);
  }
}
