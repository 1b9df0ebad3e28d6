import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RunView } from '../../../src/contract/runs.ts';
import { type Migration, operator, startMigration } from '../../helpers/bubble-drover.ts';

let drover: Migration;
beforeAll(async () => {
  drover = await startMigration(30);
});
afterAll(() => drover.close());

const repair = () => drover.rows('DROP FUNCTION IF EXISTS public.broken() CASCADE');
afterEach(async () => void (await repair()));

/** From now on no validation can be stored: PostgreSQL refuses it with this SQLSTATE. */
async function breakValidation(sqlState: string): Promise<void> {
  await drover.rows(
    `CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'no room for a validation' USING ERRCODE = '${sqlState}'; END $$`,
  );
  await drover.rows(
    'CREATE TRIGGER broken BEFORE INSERT ON drover.validations FOR EACH ROW EXECUTE FUNCTION public.broken()',
  );
}

const start = async (targetSchema: string) =>
  (await drover.control.startRun({ plan: 'bubble', only: ['users'], targetSchema }, operator)).id;
const storedFailure = async (id: string) =>
  (await drover.rows('SELECT finish_attempts, finish_error FROM drover.runs WHERE id = $1', id))[0];

async function waitForBlocker(id: string): Promise<RunView> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const run = await drover.control.run(id);
    if (run.holdups.some(({ code }) => code === 'CANNOT_FINISH')) return run;
    if (run.status !== 'running' && run.status !== 'pending') throw new Error(`the run is ${run.status}`);
    if (Date.now() > deadline) throw new Error('no blocker was shown');
    await sleep(50);
  }
}

test('a run that cannot be finished says why, fails after some attempts, and a retry finishes it', async () => {
  await breakValidation('P0001');
  const id = await start('cannot');
  expect((await waitForBlocker(id)).holdups).toContainEqual({
    code: 'CANNOT_FINISH',
    what: expect.stringContaining('INTERNAL: no room for a validation'),
    clears: expect.any(String),
    until: null,
  });
  const failed = await drover.settled(id);
  expect(failed).toMatchObject({ status: 'failed' });
  expect(failed.reason).toMatch(/could not be finished in 5 attempts: INTERNAL: no room for a validation/);
  // The schema is free for another run.
  await repair();
  expect(failed.nextActions).toContain('retry');
  await drover.control.retry(id, 'the cause is cleared', operator);
  const done = await drover.settled(id);
  expect(done.status).toMatch(/^completed/);
  expect(done.holdups).toEqual([]);
});

test('after a retry the attempts are counted from the start', async () => {
  await breakValidation('P0001');
  const id = await start('again');
  await drover.settled(id);
  await drover.control.retry(id, 'nothing was cleared', operator);
  await waitForBlocker(id);
  expect((await storedFailure(id))?.finish_attempts).toBeLessThan(5);
  expect((await drover.settled(id)).reason).toContain('in 5 attempts');
});

test.each([
  ['a full disk is waited for', '53100', 0],
  ['a statement timeout is counted', '57014', 1],
])('%s', async (_name, sqlState, counted) => {
  await breakValidation(sqlState);
  const id = await start(`state_${sqlState}`);
  const run = await waitForBlocker(id);
  expect(run.holdups[0]?.what).toContain('DATABASE_UNAVAILABLE: PostgreSQL: no room for a validation');
  expect((await storedFailure(id))?.finish_attempts).toBe(counted);
  await repair();
  expect((await drover.settled(id)).status).toMatch(/^completed/);
});
