import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Column } from '../../../src/plan/contract.ts';
import type { JsonObject } from '../../../src/plan/json.ts';
import { type EntityName, entityNames } from '../../../src/plans/bubble/entity-names.ts';
import plan from '../../../src/plans/bubble/index.ts';
import { rules } from '../../../src/plans/bubble/rules.ts';
import { mutatedRow } from '../../helpers/bubble-arbitrary.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

const sourceId = '1708327130811x106027240349761540';
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  client = new pg.Client(database.url);
  await client.connect();
  for (const entity of entityNames) await client.query(tableOf(entity));
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The bare table: what keys and defaults do is the target's business. */
function tableOf(entity: EntityName): string {
  const columns = Object.entries<Column>(plan.entities[entity].target.columns);
  const lines = columns.map(([name, { type, nullable }]) => `${name} ${type}${nullable ? '' : ' not null'}`);
  return `create table ${entity} (id uuid primary key, ${lines.join(', ')})`;
}

async function insert(entity: EntityName, row: JsonObject): Promise<string> {
  const id = randomUUID();
  await client.query(`insert into ${entity} select * from jsonb_populate_record(null::${entity}, $1)`, [
    JSON.stringify({ ...row, id }),
  ]);
  return id;
}

describe('PostgreSQL', () => {
  it.each(entityNames)('takes every row of %s that the transform lets through', async (entity) => {
    const { transform, target } = plan.entities[entity];
    const numerics = Object.entries<Column>(target.columns).filter(([, { type }]) => type.startsWith('numeric'));
    let rows = 0;
    await fc.assert(
      fc.asyncProperty(mutatedRow(entity), async (raw) => {
        const outcome = transform(raw, { sourceId, params: { csvTimeZone: 'Asia/Manila' } });
        if (outcome.kind !== 'row') return;
        const references = Object.fromEntries(
          Object.keys(outcome.references ?? {}).map((column) => [column, randomUUID()]),
        );
        const id = await insert(entity, { password_hash: 'x', ...outcome.row, ...references });
        for (const [column] of numerics) {
          const { rows: kept } = await client.query(
            `select ${column} = $2::numeric as same from ${entity} where id = $1`,
            [id, outcome.row[column]],
          );
          if (outcome.row[column] !== null) expect(kept).toEqual([{ same: true }]);
        }
        rows++;
      }),
      { numRuns: 300 },
    );
    expect(rows).toBeGreaterThan(10);
  });
});

describe('rules', () => {
  const user = (change: JsonObject = {}) =>
    insert('users', {
      ...{ email: 'ana@x.com', password_hash: 'x', role: 'client', is_active: true, email_verified: true },
      ...{ password_reset_required: false, ...change },
    });
  const coach = async (change: JsonObject = {}, role = 'coach') =>
    insert('coach_profiles', { user_id: await user({ role }), ...change });
  const booking = (change: JsonObject = {}) =>
    insert('bookings', {
      ...{ client_id: randomUUID(), coach_id: randomUUID(), session_datetime: '2024-01-01T00:00:00Z' },
      ...{ duration_minutes: 60, status: 'completed', ...change },
    });
  const payment = (change: JsonObject = {}) =>
    insert('payments', { booking_id: randomUUID(), amount: '1', currency: 'USD', status: 'succeeded', ...change });

  async function broken(name: string): Promise<string[]> {
    const rule = rules.find((one) => one.name === name);
    if (rule === undefined) throw new Error(`no rule ${name}`);
    const condition = rule.violates.replaceAll('{schema}', 'public');
    const { rows } = await client.query<{ id: string }>(`select id from ${rule.entity} t where ${condition}`);
    return rows.map(({ id }) => id);
  }

  it.each([
    ['email-format', () => user({ email: 'ana+tag@mail.x.com' }), () => user({ email: 'ana@x' })],
    ['email-format', () => user({ email: 'josé@münchen.example' }), () => user({ email: 'ana @x.com' })],
    ['role-known', () => user({ role: 'admin' }), () => user({ role: 'seeker' })],
    ['coaches-have-the-role', () => coach(), () => coach({}, 'client')],
    ['hourly-rate-range', () => coach({ hourly_rate: '25' }), () => coach({ hourly_rate: '24.99' })],
    ['hourly-rate-range', () => coach({ hourly_rate: null }), () => coach({ hourly_rate: '500.01' })],
    ['duration-positive', () => booking(), () => booking({ duration_minutes: 0 })],
    ['amount-positive', () => payment({ amount: '0.0001' }), () => payment({ amount: '0' })],
    ['confirmed-bookings-paid', () => booking(), () => booking({ status: 'confirmed' })],
  ])('%s tells a good row from a bad one', async (name, good, bad) => {
    const [goodId, badId] = [await good(), await bad()];
    const ids = await broken(name);
    expect(ids).toContain(badId);
    expect(ids).not.toContain(goodId);
  });

  it('a confirmed booking with a payment is fine', async () => {
    const id = await booking({ status: 'confirmed' });
    await payment({ booking_id: id });
    expect(await broken('confirmed-bookings-paid')).not.toContain(id);
  });
});
