import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Run, RunEntity } from '../../../src/engine/ledger/types.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { saveWatermarks } from '../../../src/engine/scheduler/watermarks.sql.ts';
import { type Migration, operator, startMigration } from '../../helpers/bubble-drover.ts';

// Each test loads into a schema of its own.
let drover: Migration;
let users: readonly string[];
beforeAll(async () => {
  drover = await startMigration(30);
  users = drover.sandbox.data.ids('user');
});
afterAll(() => drover.close());

const full = (targetSchema: string, rest = {}) => drover.run({ targetSchema, only: ['users'], ...rest });
const incremental = (targetSchema: string, rest = {}) => full(targetSchema, { strategy: 'incremental', ...rest });
const reason = 'because of a test';
const marks = (schema: string) =>
  drover.rows(
    'SELECT DISTINCT run_id FROM drover.watermarks WHERE target_schema = $1 AND watermark IS NOT NULL',
    schema,
  );

/** Applies the rollback file of a run, as psql does. */
async function applyRollbackFile(runId: string): Promise<void> {
  const reports = await drover.control.reports(runId);
  const { name } = reports.find((report) => report.name.startsWith('rollback_migration_')) as { name: string };
  const client = new pg.Client({ connectionString: drover.databaseUrl });
  await client.connect();
  try {
    await client.query(await textOf((await drover.control.report(runId, name)).body));
  } finally {
    await client.end();
  }
}

async function textOf(body: unknown): Promise<string> {
  if (typeof body === 'string') return body;
  let text = '';
  for await (const part of body as AsyncIterable<string | Uint8Array>) text += part.toString();
  return text;
}

test.each([
  ['command', (id: string) => drover.control.rollback(id, { reason, dryRun: false }, operator)],
  ['file', applyRollbackFile],
])('after a rollback by %s the next incremental run reads everything', async (way, rollback) => {
  const schema = `by_${way}`;
  const first = await full(schema);
  const before = (await incremental(schema)).id;
  expect(await marks(schema)).not.toEqual([]);
  await rollback(before);
  expect(await marks(schema)).toEqual([]);
  await rollback(first.id);
  const again = await incremental(schema);
  expect(again.entities.users).toMatchObject({ extracted: users.length });
  expect(await drover.value(`SELECT count(*)::int FROM ${schema}.users`)).toBe(first.entities.users?.reconciled);
});

test('an older run is not rolled back while an incremental run stands on it, by command or by file', async () => {
  const older = await full('stands');
  const newer = await incremental('stands');
  const rows = await drover.value('SELECT count(*)::int FROM stands.users');
  await expect(drover.control.rollback(older.id, { reason, dryRun: false }, operator)).rejects.toMatchObject({
    code: 'NOT_ALLOWED_NOW',
    message: expect.stringContaining(newer.id),
    remedy: expect.stringContaining(`drover rollback ${newer.id}`),
  });
  await expect(applyRollbackFile(older.id)).rejects.toThrow(newer.id);
  expect(await drover.value('SELECT count(*)::int FROM stands.users')).toBe(rows);
  expect(await marks('stands')).not.toEqual([]);
  // The remedy works.
  await drover.control.rollback(newer.id, { reason, dryRun: false }, operator);
  await drover.control.rollback(older.id, { reason, dryRun: false }, operator);
  expect(await drover.value('SELECT count(*)::int FROM stands.users')).toBe(0);
});

test('a run with another field map leaves no watermark for the right one', async () => {
  const wrong = { fieldMap: { fields: { users: { email: ['no such field'] } } } };
  await full('mapped', { params: wrong, maxFailurePercent: 100 });
  expect((await incremental('mapped')).entities.users).toMatchObject({ extracted: users.length });
});

test('a window behind the watermark leaves no gap', async () => {
  await full('gap');
  const [changed] = users;
  drover.sandbox.data.modify('user', changed as string, { 'Modified Date': new Date().toISOString() });
  const later = new Date(Date.now() + 60_000).toISOString();
  const window = await incremental('gap', { since: later });
  expect(
    await drover.rows('SELECT FROM drover.records WHERE run_id = $1 AND source_id = $2', window.id, changed),
  ).toEqual([]);
  const next = await incremental('gap');
  expect(
    await drover.rows('SELECT FROM drover.records WHERE run_id = $1 AND source_id = $2', next.id, changed),
  ).toHaveLength(1);
});

test('a run whose rows were rolled back by file before it finished sets no watermark', async () => {
  await full('during');
  const { id } = await drover.control.startRun(
    { plan: 'bubble', targetSchema: 'during', only: ['users'], strategy: 'full' },
    operator,
  );
  // A rollback file of the first run deletes all watermarks of the schema, those of the running one too.
  await expect
    .poll(() => drover.value('SELECT count(*)::int FROM drover.watermarks WHERE run_id = $1', id), {
      timeout: 30_000,
      interval: 5,
    })
    .toBe(1);
  await drover.rows('DELETE FROM drover.watermarks WHERE target_schema = $1', 'during');
  await drover.settled(id);
  expect(await marks('during')).toEqual([]);
  expect((await incremental('during')).entities.users).toMatchObject({ extracted: users.length });
});

test('records that failed are read again until they are settled, and bring those they blocked along', async () => {
  const only = ['users', 'client_profiles'];
  const blocked = async (runId: string) =>
    drover.rows(
      `SELECT c.source_id, p.source_id AS parent FROM drover.records c JOIN drover.records p ON p.id = c.blocked_by
       WHERE c.run_id = $1 AND c.status = 'blocked' ORDER BY 1`,
      runId,
    );
  const status = (runId: string, id: unknown) =>
    drover.value('SELECT status FROM drover.records WHERE run_id = $1 AND source_id = $2', runId, id);
  const first = await full('carried', { only });
  const [child] = await blocked(first.id);
  const { source_id: id, parent } = child as { source_id: string; parent: string };
  const second = await incremental('carried', { only });
  expect(await status(second.id, parent)).toBe('rejected');
  expect(await status(second.id, id)).toBe('blocked');
  expect(second.status).toBe('completed_with_failures');
  expect(second.entities.client_profiles?.extracted).toBeLessThan(first.entities.client_profiles?.extracted as number);
  // The parent is corrected in the source, and only there: its child did not change.
  const { data } = drover.sandbox;
  const good = data.get('user', users.find((user) => !(user in drover.sandbox.manifest.types.user.verdicts)) as string);
  const { _id, 'Modified Date': _when, ...fields } = good as Record<string, unknown>;
  data.modify('user', parent, { ...fields, authentication: { email: { email: 'corrected@example.com' } } });
  const third = await incremental('carried', { only });
  expect(await status(third.id, parent)).toBe('reconciled');
  expect(await status(third.id, id)).toBe('reconciled');
  // Settled: neither is read again.
  const fourth = await incremental('carried', { only });
  expect(await status(fourth.id, id)).toBeUndefined();
});

test('a failed record without an id cannot be read again: the run says so and is not green', async () => {
  await full('unread');
  await drover.rows(
    `UPDATE drover.records SET source_id = '#' || id, status = 'rejected', code = 'MISSING_ID' WHERE id = (
       SELECT r.id FROM drover.records r JOIN drover.runs u ON u.id = r.run_id
       WHERE u.target_schema = 'unread' AND r.status = 'reconciled' LIMIT 1)`,
  );
  const run = await incremental('unread');
  expect(run).toMatchObject({
    status: 'completed_with_failures',
    reason: expect.stringContaining('1 users that failed in an earlier run'),
  });
});

test('an entity that gave fewer records than it counts sets no watermark', async () => {
  const { id } = await full('short');
  const run = (await createRunStore(drover.database).find(id)) as Run;
  const [entity] = await createRunStore(drover.database).entities(id);
  const short = { ...(entity as RunEntity), errorCode: 'SOURCE_SHORT', errorMessage: 'the source counts 2 and gave 1' };
  await drover.rows('UPDATE drover.watermarks SET watermark = NULL WHERE run_id = $1', id);
  await saveWatermarks(drover.database, run, [short]);
  expect(await marks('short')).toEqual([]);
  await saveWatermarks(drover.database, run, [entity as RunEntity]);
  expect(await marks('short')).toEqual([{ run_id: id }]);
});
