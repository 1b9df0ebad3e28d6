import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Migration, startMigration } from '../../helpers/bubble-drover.ts';
import { createHarness, type Harness } from '../../helpers/shop-harness.ts';

// Random, because PostgreSQL compresses repeated characters before it checks the size of an index entry.
const long = (length = 4_096): string => randomBytes(length).toString('base64url').slice(0, length);

let drover: Migration;
let shop: Harness;
beforeAll(async () => {
  drover = await startMigration(12);
  shop = await createHarness();
});
afterAll(async () => {
  await shop?.close();
  await drover?.close();
});

test('a record with an id of 4,096 random characters is loaded, and records that reference it are linked', async () => {
  const { data, manifest } = drover.sandbox;
  const isGood = (type: 'user' | 'clientprofile') => (id: string) => manifest.types[type].verdicts[id] === undefined;
  const user = data.get('user', data.ids('user').find(isGood('user')) as string);
  const profile = data.get('clientprofile', data.ids('clientprofile').find(isGood('clientprofile')) as string);
  const ids = [long(), `${long(2_000)}#${long(2_000)}`, `${'é'.repeat(600)}${long(3_000)}`];
  for (const [n, id] of ids.entries()) {
    const email = `long${n}@example.com`;
    data.insert('user', { ...user, _id: id, email, authentication: { email: { email } }, password: undefined });
    data.insert('clientprofile', { ...profile, _id: `profile ${n}`, user: id, user_id: id });
  }
  const run = await drover.run({ targetSchema: 'long_ids', only: ['users', 'client_profiles'] });
  expect(run.balanced).toBe(true);
  expect(run.entities.users?.extracted).toBe(data.ids('user').length);
  const rows = await drover.rows(
    `SELECT u.email FROM long_ids.users u JOIN long_ids.client_profiles p ON p.user_id = u.id WHERE u.email LIKE 'long%' ORDER BY 1`,
  );
  expect(rows).toEqual(ids.map((_id, n) => ({ email: `long${n}@example.com` })));
});

test('a value too long for an index of the target rejects its record alone, and a long merge key is compared whole', async () => {
  const key = long();
  const customer = (email: string) => ({ email, row: { email, name: 'n' } });
  const run = await shop.load({
    customers: { a: customer('a@x'), b: customer(key), c: customer(key), d: customer(`${key}x`), e: customer('e@x') },
  });
  const { rows } = await shop.database.$client.query(
    'SELECT source_id, status, code FROM drover.records WHERE run_id = $1 ORDER BY 1',
    [run.id],
  );
  expect(rows).toEqual([
    { source_id: 'a', status: 'reconciled', code: null },
    { source_id: 'b', status: 'rejected', code: 'TARGET_CONSTRAINT' },
    { source_id: 'c', status: 'skipped', code: 'MERGED' },
    { source_id: 'd', status: 'rejected', code: 'TARGET_CONSTRAINT' },
    { source_id: 'e', status: 'reconciled', code: null },
  ]);
});
