import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CutoverResult, CutoverSpec } from '../../../src/contract/cutover.ts';
import { cutover, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { cutoverRequest, type Harness, openHarness } from './harness.ts';

/**
 * The document's own swap, tried on PostgreSQL, breaks in eight ways. Its tables, its names, its suffix: and none of the
 * eight is left.
 */
const spec: CutoverSpec = {
  name: 'launch',
  tables: ['unified_profiles', 'transactions', 'enrollments'].map((name) => ({
    incoming: { schema: 'public', name: `${name}_staging` },
    live: { schema: 'public', name },
    minimum: 2,
  })),
};

const schema = `
CREATE SCHEMA auth;
CREATE ROLE app_${process.pid};
CREATE TABLE auth.users (id int PRIMARY KEY);
CREATE TABLE auth.users_staging (id int PRIMARY KEY);
INSERT INTO auth.users SELECT generate_series(1, 50);
INSERT INTO auth.users_staging SELECT generate_series(1, 20);
CREATE TABLE unified_profiles (id int PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE, email text NOT NULL UNIQUE, touched timestamptz);
CREATE TABLE transactions (id serial PRIMARY KEY, user_id int REFERENCES auth.users (id), amount numeric NOT NULL CHECK (amount >= 0));
CREATE TABLE enrollments (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES unified_profiles (id),
  transaction_id int REFERENCES transactions (id));
INSERT INTO unified_profiles SELECT g, 'old' || g FROM generate_series(1, 10) g;
INSERT INTO transactions (user_id, amount) SELECT g, g FROM generate_series(1, 10) g;
INSERT INTO enrollments (user_id, transaction_id) SELECT g, g FROM generate_series(1, 10) g;
CREATE TABLE notes (id int PRIMARY KEY, profile int NOT NULL CONSTRAINT notes_profile REFERENCES unified_profiles (id));
INSERT INTO notes VALUES (1, 1), (2, 2);
CREATE VIEW paying AS SELECT p.email, t.amount FROM unified_profiles p JOIN transactions t ON t.user_id = p.id;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := now(); RETURN NEW; END $$;
CREATE TRIGGER profiles_touch BEFORE UPDATE ON unified_profiles FOR EACH ROW EXECUTE FUNCTION touch();
GRANT SELECT, INSERT ON unified_profiles TO app_${process.pid};
CREATE TABLE unified_profiles_staging (id int PRIMARY KEY CONSTRAINT fk_staging_unified_profiles_id REFERENCES auth.users_staging (id) ON DELETE CASCADE,
  email text NOT NULL UNIQUE, touched timestamptz);
CREATE TABLE transactions_staging (id int PRIMARY KEY, user_id int, amount numeric NOT NULL);
CREATE TABLE enrollments_staging (id int PRIMARY KEY, user_id int NOT NULL REFERENCES unified_profiles_staging (id), transaction_id int REFERENCES transactions_staging (id));
INSERT INTO unified_profiles_staging SELECT g, 'new' || g FROM generate_series(1, 20) g;
INSERT INTO transactions_staging SELECT g + 100, g, g FROM generate_series(1, 20) g;
INSERT INTO enrollments_staging SELECT g + 500, g, g + 100 FROM generate_series(1, 20) g;`;

describe("the eight defects of the document's swap", () => {
  let harness: Harness;
  let launched: CutoverResult;
  beforeAll(async () => {
    harness = await openHarness();
    await harness.run(schema);
    launched = await cutover(harness.deps, spec, cutoverRequest);
  });
  afterAll(async () => {
    await harness.run(`DROP OWNED BY app_${process.pid}; DROP ROLE app_${process.pid}`);
    await harness.close();
  });

  it('changes nothing that was not planned', () => {
    expect(launched.unplanned).toEqual([]);
  });

  it('1: foreign keys of tables outside the set point at the new table', async () => {
    await harness.run('INSERT INTO notes VALUES (3, 20)');
    await expect(harness.run('INSERT INTO notes VALUES (4, 999)')).rejects.toThrow('notes_profile');
  });

  it('2: views read the new table', async () => {
    expect(await harness.column("SELECT count(*)::int FROM paying WHERE email LIKE 'new%'")).toEqual([20]);
  });

  it('3: triggers and grants are on the new table', async () => {
    await harness.run("UPDATE unified_profiles SET email = 'touched' WHERE id = 5");
    expect(await harness.column('SELECT touched IS NOT NULL FROM unified_profiles WHERE id = 5')).toEqual([true]);
    const rights = `SELECT has_table_privilege('app_${process.pid}', 'unified_profiles', 'INSERT')`;
    expect(await harness.column(rights)).toEqual([true]);
  });

  it('4: serial and identity counters go on behind the explicit ids', async () => {
    expect(await harness.column('INSERT INTO transactions (user_id, amount) VALUES (1, 1) RETURNING id')).toEqual([
      121,
    ]);
    expect(await harness.column('INSERT INTO enrollments (user_id) VALUES (1) RETURNING id')).toEqual([521]);
  });

  it('5: the key to users_staging is gone and sign-ups go on', async () => {
    await harness.run("INSERT INTO auth.users VALUES (51); INSERT INTO unified_profiles VALUES (51, 'fresh')");
    await harness.run('DELETE FROM auth.users WHERE id = 51');
    expect(await harness.column('SELECT count(*)::int FROM unified_profiles WHERE id = 51')).toEqual([0]);
  });

  it('8: nothing keeps a staging name', async () => {
    const names = `SELECT conname FROM pg_constraint WHERE conname LIKE '%staging%' AND connamespace = 'public'::regnamespace
      UNION SELECT relname FROM pg_class WHERE (relname LIKE '%staging%' OR relname LIKE 'drover%') AND relnamespace = 'public'::regnamespace`;
    expect(await harness.column(names)).toEqual([]);
  });

  it('6 and 7: back and forth again, with every row written meanwhile', async () => {
    await harness.run(
      "INSERT INTO unified_profiles VALUES (40, 'late'); INSERT INTO enrollments (user_id) VALUES (19)",
    );
    const back = await rollbackCutover(harness.deps, launched.stamp, cutoverRequest);
    expect(back.unplanned).toEqual([]);
    expect(await harness.column('SELECT email FROM unified_profiles WHERE id IN (1, 5, 40) ORDER BY id')).toEqual([
      'old1',
      'touched',
      'late',
    ]);
    expect(await harness.column('SELECT count(*)::int FROM unified_profiles_staging')).toEqual([21]);
    // Rows of the new system alone come along where something written since points at them.
    expect(await harness.column('SELECT user_id FROM enrollments WHERE user_id > 10')).toEqual([19]);
    expect(back.conflicts.map((one) => `${one.table} ${one.key}`)).toEqual(
      expect.arrayContaining(['public.unified_profiles 19', 'public.unified_profiles 20']),
    );
    const again = await cutover(harness.deps, spec, cutoverRequest);
    expect(again.unplanned).toEqual([]);
    expect(await harness.column('SELECT email FROM unified_profiles WHERE id = 1')).toEqual(['new1']);
    await harness.run("INSERT INTO unified_profiles VALUES (41, 'later')");
    const last = await rollbackCutover(harness.deps, again.stamp, cutoverRequest);
    expect(last.unplanned).toEqual([]);
    expect(await harness.column('SELECT email FROM unified_profiles WHERE id IN (40, 41) ORDER BY id')).toEqual([
      'late',
      'later',
    ]);
    await harness.run('INSERT INTO notes VALUES (5, 41)');
  });
});
