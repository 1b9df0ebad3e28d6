import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Migration, startMigration } from '../../helpers/bubble-drover.ts';
import { operator } from '../../helpers/drover.ts';

let drover: Migration;
beforeAll(async () => {
  drover = await startMigration(150);
});
afterAll(() => drover.close());

const entities = ['users', 'client_profiles', 'coach_profiles', 'bookings', 'payments'];
const schemaOf = (name: string) => drover.value<boolean>(`SELECT to_regnamespace($1) IS NOT NULL`, name);

/** A hash of every row of the target and of its bookkeeping. */
async function checksums(): Promise<readonly string[]> {
  const tables = [...entities.map((name) => `bubble.${name}`)];
  const known = ['drover.identities', 'drover.changes'].map(
    (name) => `(SELECT * FROM ${name} WHERE scope = 'bubble/bubble')`,
  );
  return Promise.all(
    [...tables, ...known, 'drover.watermarks'].map((of) =>
      drover.value<string>(
        `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM ${of} t`,
      ),
    ),
  );
}

test('a trial runs the real stages, predicts the outcome, and leaves the target unchanged', async () => {
  const whole = await drover.run();
  await drover.value(`ALTER TABLE bubble.users ADD CONSTRAINT no_z CHECK (email NOT LIKE 'zzz%')`);
  const before = await checksums();
  const run = await drover.run({ trial: 40 });
  expect(run.targetSchema).toMatch(/^bubble_trial_\d{8}_\d{6}$/);
  expect(await checksums()).toEqual(before);
  for (const entity of entities) {
    const { extracted, pending } = run.entities[entity] ?? {};
    const wanted = Math.min(40, whole.entities[entity]?.extracted ?? 0);
    expect({ entity, extracted, pending }).toEqual({ entity, extracted: wanted, pending: 0 });
    const prediction = run.trial?.perEntity[entity];
    expect(prediction?.low).toBeLessThanOrEqual(prediction?.rejectRate ?? -1);
    expect(prediction?.high).toBeGreaterThanOrEqual(prediction?.rejectRate ?? 2);
  }
  expect(run.trial?.n).toBe(40);
  expect(run.balanced).toBe(true);
  // Children were chosen with their parents: most of them were loaded.
  expect(run.entities.payments?.reconciled).toBeGreaterThan(5);
  const landed = await drover.value<string>(`SELECT count(*) FROM ${run.targetSchema}.users`);
  expect(Number(landed)).toBe(run.entities.users?.reconciled);
  // The target's own constraints are part of the trial.
  expect(
    await drover.value<string>(
      `SELECT conname FROM pg_constraint WHERE conrelid = '${run.targetSchema}.users'::regclass AND contype = 'c'`,
    ),
  ).toBe('no_z');
  const stamp = run.targetSchema.slice('bubble_trial_'.length);
  const { body } = await drover.control.report(run.id, `migration_summary_${stamp}.txt`);
  expect(body).toContain('Trial of 40 records of each entity');

  const tried = await drover.control.rollback(run.id, { reason: 'seen', dryRun: true }, operator);
  expect(await schemaOf(run.targetSchema)).toBe(true);
  const undone = await drover.control.rollback(run.id, { reason: 'seen', dryRun: false }, operator);
  expect(undone).toEqual({ ...tried, dryRun: false });
  expect(await schemaOf(run.targetSchema)).toBe(false);
  expect(await drover.value<string>(`SELECT count(*) FROM drover.identities WHERE scope LIKE '%trial%'`)).toBe('0');
  expect(await checksums()).toEqual(before);
  expect(drover.sandbox.manifest.types.user.total).toBeGreaterThan(40);
  expect((await drover.control.run(run.id)).nextActions).toEqual(['validate']);
});

test('the predicted interval contains the share a full run rejects', async () => {
  const whole = await drover.run({ targetSchema: 'whole' });
  const run = await drover.run({ trial: 120, only: ['users'] });
  expect(Object.keys(run.entities)).toEqual(['users']);
  const { rejected = 0, extracted = 1 } = whole.entities.users ?? {};
  const { low = 1, high = 0 } = run.trial?.perEntity.users ?? {};
  expect(low).toBeLessThanOrEqual(rejected / extracted);
  expect(high).toBeGreaterThanOrEqual(rejected / extracted);
});

test('a trial of one entity includes the parents, and a purge drops it', async () => {
  const run = await drover.run({ trial: 10, only: ['bookings'] });
  expect(Object.keys(run.entities)).toEqual(['users', 'bookings', 'payments']);
  expect(run.entities.users?.extracted).toBe(10);
  // The files of a whole run are not replaced by those of a trial.
  expect(readFileSync(join(drover.exportDir, 'bookings.csv'), 'utf8').split('\n').length).toBeGreaterThan(100);
  await drover.control.purge({ runId: run.id, dryRun: false, reason: 'test' }, operator);
  expect(await schemaOf(run.targetSchema)).toBe(false);
  expect((await drover.control.run(run.id)).rolledBackAt).not.toBeNull();
});

test('options that contradict a trial are refused', async () => {
  for (const other of [{ dryRun: true }, { exportOnly: true }, { ids: ['1'] }]) {
    await expect(drover.control.startRun({ plan: 'bubble', trial: 5, ...other }, operator)).rejects.toThrow(/trial/);
  }
});
