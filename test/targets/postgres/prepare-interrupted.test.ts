import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSqlPort } from '../../../db/sql.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import type { SqlPort } from '../../../src/plan/sql.ts';
import launch from '../../../src/plans/launch/index.ts';
import { createPostgresTarget } from '../../../src/targets/postgres/index.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

class Died extends Error {}

/** A port whose process dies before its n-th statement. */
function dyingAt(n: number): SqlPort {
  const port = createSqlPort(pool);
  let asked = 0;
  return {
    async query(name, text, values) {
      asked += 1;
      if (asked >= n) throw new Died();
      return port.query(name, text, values);
    },
  };
}

const prepare = (port: SqlPort, schema: string) =>
  createPostgresTarget(port).prepare(launch, entityOrder(launch), schema);

async function keysOf(schema: string): Promise<string[]> {
  const { rows } = await pool.query<{ key: string }>(
    `SELECT c.relname || ' ' || pg_get_constraintdef(k.oid) AS key FROM pg_constraint k
     JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = to_regnamespace($1) ORDER BY 1`,
    [schema],
  );
  return rows.map(({ key }) => key.replaceAll(`${schema}.`, ''));
}

test('after a crash at any statement of prepare, the next prepare creates every key, the circular one included', async () => {
  await prepare(createSqlPort(pool), 'whole');
  const whole = await keysOf('whole');
  expect(whole).toContain('unified_profiles FOREIGN KEY (affiliate_id) REFERENCES affiliates(id)');
  let deaths = 0;
  for (let n = 1; ; n += 1) {
    await pool.query('DROP SCHEMA IF EXISTS broken CASCADE');
    const died = await prepare(dyingAt(n), 'broken').then(
      () => false,
      (thrown: unknown) => thrown instanceof Died,
    );
    await prepare(createSqlPort(pool), 'broken');
    expect(await keysOf('broken')).toEqual(whole);
    if (!died) break;
    deaths += 1;
  }
  expect(deaths).toBeGreaterThan(1);
});
