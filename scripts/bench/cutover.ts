import pg from 'pg';
import type { CutoverSpec } from '../../src/contract/cutover.ts';
import { cutover, rollbackCutover } from '../../src/engine/cutover/cutover.ts';
import { createCutoverDatabase } from '../../src/engine/cutover/store.ts';
import type { CutoverDeps } from '../../src/engine/cutover/types.ts';

export interface CutoverFigures {
  /** Rows of each of the two tables that go live. */
  readonly rows: readonly number[];
  /** Milliseconds from holding all locks to the commit's answer, at the best of three times. */
  readonly lockedMs: readonly number[];
}

/** What a shop has: rows that point at rows, one table outside the set that points in, and views on views. */
const schema = `
CREATE SCHEMA bench_live; CREATE SCHEMA bench_staging;
SET search_path = bench_live;
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, n int NOT NULL DEFAULT 0);
CREATE TABLE orders (id bigserial PRIMARY KEY, person bigint NOT NULL REFERENCES people (id), minor bigint NOT NULL);
CREATE TABLE notes (id bigserial PRIMARY KEY, person bigint NOT NULL REFERENCES people (id));
CREATE VIEW totals AS SELECT p.id, p.n, (SELECT sum(o.minor) FROM orders o WHERE o.person = p.id) AS minor FROM people p;
CREATE VIEW on_totals AS SELECT * FROM totals WHERE n >= 0;
CREATE INDEX ON orders (person);
CREATE TABLE bench_staging.people (LIKE people INCLUDING DEFAULTS);
CREATE TABLE bench_staging.orders (LIKE orders);
INSERT INTO people (email) SELECT 'p' || g FROM generate_series(1, 1000) g;
INSERT INTO orders (person, minor) SELECT g, g FROM generate_series(1, 1000) g;
RESET search_path;`;

const fill = (rows: number) => `
INSERT INTO bench_staging.people (id, email, n) SELECT g, 'p' || g, 0 FROM generate_series(1, ${rows}) g;
INSERT INTO bench_staging.orders (id, person, minor) SELECT g, g, g FROM generate_series(1, ${rows}) g;`;

const drop = 'DROP SCHEMA IF EXISTS bench_live CASCADE; DROP SCHEMA IF EXISTS bench_staging CASCADE';

const cutoverSet: CutoverSpec = {
  name: 'bench',
  tables: ['people', 'orders'].map((name) => ({
    incoming: { schema: 'bench_staging', name },
    live: { schema: 'bench_live', name },
  })),
};

const rounds = 3;
const cutoverRequest = { dryRun: false, reason: 'bench', actor: 'bench' };

/** How long a cutover holds its locks, by the number of rows: what else the machine is at is not what is asked. */
export async function measureCutover(databaseUrl: string, sizes: readonly number[]): Promise<CutoverFigures> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 });
  try {
    const lockedMs: number[] = [];
    for (const rows of sizes) lockedMs.push(await bestLockedMs(pool, rows));
    return { rows: sizes, lockedMs };
  } finally {
    await pool.query(drop);
    await pool.end();
  }
}

async function bestLockedMs(pool: pg.Pool, rows: number): Promise<number> {
  const open = { check: async () => ({ ok: true, reasons: [] }) };
  const deps: CutoverDeps = { database: createCutoverDatabase(pool), gate: open };
  await pool.query(drop);
  await pool.query(schema + fill(rows));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const { stamp, timing, unplanned } = await cutover(deps, cutoverSet, cutoverRequest);
    if (timing === null || unplanned.length > 0) throw new Error(`the cutover went wrong: ${unplanned.join('; ')}`);
    best = Math.min(best, timing.lockedMs);
    await rollbackCutover(deps, stamp, cutoverRequest);
  }
  return best;
}
