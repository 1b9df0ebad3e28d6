import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BubbleType } from '../../../src/sandbox/bubble/schema.ts';
import { type Migration, startMigration } from '../../helpers/bubble-drover.ts';
import { operator } from '../../helpers/drover.ts';

const typeOf: Record<string, BubbleType> = {
  users: 'user',
  client_profiles: 'clientprofile',
  coach_profiles: 'coachprofile',
  bookings: 'booking',
  payments: 'payment',
};

let drover: Migration;
beforeAll(async () => {
  drover = await startMigration(120);
});
afterAll(() => drover.close());

test('a whole app arrives, and every record is where its data says', async () => {
  const run = await drover.run({ targetSchema: 'whole' });
  expect(run.balanced).toBe(true);
  for (const [entity, type] of Object.entries(typeOf)) {
    const { total, outcomes } = drover.sandbox.manifest.types[type];
    expect({ entity, ...run.entities[entity] }).toMatchObject({ entity, extracted: total, ...outcomes });
  }
  const { rows } = await drover.database.$client.query(
    `SELECT currency, status, count(*)::int AS count FROM whole.payments GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const expected = drover.sandbox.manifest.sums.reconciled.map(({ currency, status, count }) => ({
    currency,
    status,
    count,
  }));
  expect(rows).toEqual(expected);
  // What the report says of the network is what the other end saw.
  const name = (await drover.control.reports(run.id)).find((report) => /^migration_report_/.test(report.name))?.name;
  const report = JSON.parse(String((await drover.control.report(run.id, String(name))).body));
  const { cpu, memory, network, complete } = report.metrics.resourceUsage;
  expect(complete).toBe(true);
  expect(network.requests).toBe(drover.sandbox.journal.entries().length);
  expect(network.receivedBytes).toBeGreaterThan(100_000);
  expect(cpu.seconds).toBeGreaterThan(0);
  expect(memory.peakMb).toBeGreaterThan(30);
});

test('a second run with nothing new writes nothing', async () => {
  const checksum = () => drover.value<string>(`SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM whole.users t`);
  const before = await checksum();
  const changes = await drover.value<string>('SELECT count(*) FROM drover.changes');
  const run = await drover.run({ targetSchema: 'whole' });
  expect(run.entities.users?.reconciled).toBe(0);
  expect(await checksum()).toBe(before);
  expect(await drover.value<string>('SELECT count(*) FROM drover.changes')).toBe(changes);
});

test('a dry run says what would happen and leaves no row behind', async () => {
  const run = await drover.run({ targetSchema: 'dry', dryRun: true });
  const { outcomes } = drover.sandbox.manifest.types.user;
  expect(run.entities.users).toMatchObject({
    skipped: outcomes.reconciled + outcomes.skipped,
    rejected: outcomes.rejected,
  });
  expect(await drover.value<string>('SELECT count(*) FROM dry.users')).toBe('0');
  const records = await drover.control.records(run.id, { entity: 'users', status: 'skipped', limit: 500 });
  expect(records.items.filter((record) => record.code === 'WOULD_INSERT')).toHaveLength(outcomes.reconciled);
});

const sendAgain = {
  enqueue: (id: string, booking: string) =>
    drover.control.enqueue(id, { entity: 'bookings', sourceIds: [booking] }, operator),
  async replay(id: string, booking: string) {
    const { code, field } = await record(id, booking);
    const groups = await drover.control.failures(id);
    const group = groups.find((one) => one.entity === 'bookings' && one.code === code && one.field === field);
    return drover.control.replay(id, group?.group as string, 'corrected in the source', operator);
  },
};

test.each(['enqueue', 'replay'] as const)(
  'the child of a parent mended in the source follows by itself: %s',
  async (way) => {
    const { verdicts } = drover.sandbox.manifest.types.payment;
    const blocked = Object.entries(verdicts).find(([, verdict]) => verdict.outcome === 'blocked');
    const [payment, parent] = [blocked?.[0] as string, blocked?.[1].blockedBy as string];
    const run = await drover.run({ targetSchema: `mended_${way}` });
    expect((await record(run.id, payment)).status).toBe('blocked');

    const good = Object.keys(drover.sandbox.manifest.types.booking.verdicts);
    const sample = drover.sandbox.data.ids('booking').find((id) => !good.includes(id)) as string;
    const {
      _id,
      'Created Date': _created,
      ...fields
    } = drover.sandbox.data.get('booking', sample) as Record<string, unknown>;
    const before = drover.sandbox.data.get('booking', parent) as Record<string, unknown>;
    drover.sandbox.data.modify('booking', parent, fields);
    try {
      await sendAgain[way](run.id, parent);
      const after = await drover.settled(run.id);
      expect(after.balanced).toBe(true);
      expect((await record(run.id, parent)).status).toBe('reconciled');
      expect((await record(run.id, payment)).status).toBe('reconciled');
    } finally {
      // Empty values remove what the mending added.
      const gone = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
      drover.sandbox.data.modify('booking', parent, { ...gone, ...before });
    }
  },
);

test('rows that were changed in the target afterwards are found by validation', async () => {
  const run = await drover.run({ targetSchema: 'changed', only: ['users'] });
  // All of them: what is compared is a sample, and nobody knows beforehand whom it takes.
  const other = `CASE role WHEN 'admin' THEN 'client' ELSE 'admin' END`;
  await drover.database.$client.query(`UPDATE changed.users SET role = ${other}`);
  const validation = await drover.control.validate(run.id, operator);
  expect(validation.status).toBe('red');
  const sample = validation.checks.find((check) => check.name === 'sample');
  expect(sample).toMatchObject({ ok: false, checked: 100, violations: 100 });
  expect(sample?.rows[0]?.detail).toContain('role');
});

test('pause holds the run where it is, resume ends it, cancel keeps what was done', async () => {
  const started = await drover.control.startRun({ plan: 'bubble', targetSchema: 'paused' }, operator);
  await drover.settled(started.id, 'running');
  await drover.control.pause(started.id, 'a test', operator);
  const paused = await drover.settled(started.id, 'paused');
  expect(paused.nextActions).toContain('resume');
  await expect(drover.control.pause(started.id, 'again', operator)).rejects.toMatchObject({ code: 'NOT_ALLOWED_NOW' });
  await drover.control.resume(started.id, 'go on', operator);
  expect((await drover.settled(started.id)).status).toBe('completed_with_failures');

  const other = await drover.control.startRun({ plan: 'bubble', targetSchema: 'cancelled' }, operator);
  await drover.control.cancel(other.id, 'a test', operator);
  const cancelled = await drover.settled(other.id, 'cancelled');
  expect(cancelled.balanced).toBe(true);
});

test('steps run alone, and say so when what they need was not migrated', async () => {
  const refused = await drover.run({ targetSchema: 'steps', only: ['profiles'] });
  expect(refused.status).toBe('failed');
  expect(refused.reason).toContain('MAPPING_NOT_FOUND');
  await drover.control.cancel(refused.id, 'wrong order', operator).then(() => drover.settled(refused.id, 'cancelled'));
  expect((await drover.run({ targetSchema: 'steps', only: ['users'] })).balanced).toBe(true);
  const profiles = await drover.run({ targetSchema: 'steps', only: ['profiles'] });
  const { outcomes } = drover.sandbox.manifest.types.coachprofile;
  expect(profiles.entities.coach_profiles?.reconciled).toBe(outcomes.reconciled);
});

test('a record that was merged into another, read again alone, leaves the row of the other as it is', async () => {
  const { verdicts } = drover.sandbox.manifest.types.user;
  const [loser, survivor] = Object.entries(verdicts).find(([, verdict]) => verdict.code === 'MERGED') as [
    string,
    { survivor: string },
  ];
  await drover.run({ targetSchema: 'merged', only: ['users'] });
  const rowOf = (sourceId: string) =>
    drover.value<string>(
      `SELECT to_jsonb(u)::text FROM merged.users u JOIN drover.identities i ON i.target_id = u.id::text
       WHERE i.scope LIKE '%merged' AND i.entity = 'users' AND i.source_id = $1`,
      sourceId,
    );
  const before = await rowOf(survivor.survivor);
  const again = await drover.run({ targetSchema: 'merged', only: ['users'], ids: [loser] });
  expect((await record(again.id, loser)).code).toBe('MERGED');
  expect(await rowOf(survivor.survivor)).toBe(before);
  expect(await rowOf(loser)).toBe(before);
  expect((await drover.control.validation(again.id)).checks.filter((check) => !check.ok)).toEqual([]);

  // With an address of its own it is a person of its own again.
  const original = drover.sandbox.data.get('user', loser) as Record<string, unknown>;
  drover.sandbox.data.modify('user', loser, { authentication: { email: { email: 'parted@example.com' } } });
  try {
    const parted = await drover.run({ targetSchema: 'merged', only: ['users'], ids: [loser] });
    expect((await record(parted.id, loser)).status).toBe('reconciled');
    expect(await rowOf(loser)).toContain('parted@example.com');
    expect(await rowOf(survivor.survivor)).toBe(before);
  } finally {
    drover.sandbox.data.modify('user', loser, original);
  }
});

test('a selective run moves the ids it is given, an incremental one what changed since', async () => {
  const verdicts = drover.sandbox.manifest.types.user.verdicts;
  const ids = drover.sandbox.data
    .ids('user')
    .filter((id) => !(id in verdicts))
    .slice(0, 3);
  const selected = await drover.run({ targetSchema: 'some', only: ['users'], ids });
  expect(selected.entities.users).toMatchObject({ extracted: 3, reconciled: 3 });

  await drover.run({ targetSchema: 'since', only: ['users'] });
  drover.sandbox.data.modify('user', ids[0] as string, { verified: false });
  const increment = await drover.run({ targetSchema: 'since', only: ['users'], strategy: 'incremental' });
  expect(increment.entities.users?.extracted).toBeLessThan(drover.sandbox.manifest.types.user.total);
  expect((await record(increment.id, ids[0] as string)).status).toMatch(/reconciled|skipped/);
});

test('an export writes the five files, and a run that skips the export moves the same from them', async () => {
  const exported = await drover.run({ exportOnly: true });
  expect(exported.status).toBe('completed');
  const files = ['bookings.csv', 'client_profiles.csv', 'coach_profiles.csv', 'payments.csv', 'users.csv'];
  expect(await readdir(drover.exportDir)).toEqual(expect.arrayContaining(files));
  const run = await drover.run({ targetSchema: 'from_files', params: { skipExport: true } });
  expect(run.balanced).toBe(true);
  const { outcomes } = drover.sandbox.manifest.types.payment;
  expect(run.entities.payments).toMatchObject(outcomes);
});

test('every run leaves its five reports and its id mappings', async () => {
  const run = await drover.run({ targetSchema: 'reported' });
  const written = (await readdir(drover.reportDir)).join('\n');
  const { items } = await drover.control.runs({ limit: 1 });
  expect(items[0]?.id).toBe(run.id);
  for (const pattern of [
    /migration_summary_\d{8}_\d{6}_\w+\.txt/,
    /migration_errors_.*\.csv/,
    /migration_report_.*\.json/,
    /rollback_migration_.*\.sql/,
    /migration_\d{8}_\d{6}_\w+\.log/,
  ]) {
    expect(written).toMatch(pattern);
  }
  const mapping = JSON.parse(await readFile(join(drover.exportDir, 'user_id_mapping.json'), 'utf8')) as Record<
    string,
    string
  >;
  const [sourceId, targetId] = Object.entries(mapping)[0] as [string, string];
  expect(await drover.value<string>('SELECT count(*) FROM reported.users WHERE id = $1', targetId)).toBe('1');
  expect(drover.sandbox.data.get('user', sourceId)).toBeDefined();
});

test('rollback leaves a target that had rows exactly as it was', async () => {
  await drover.run({ targetSchema: 'kept', only: ['users'] });
  const image = () => drover.value<string>(`SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM kept.users t`);
  const before = await image();
  const verdicts = drover.sandbox.manifest.types.user.verdicts;
  const id = drover.sandbox.data.ids('user').find((one) => !(one in verdicts)) as string;
  drover.sandbox.data.modify('user', id, { active: false });
  const second = await drover.run({ targetSchema: 'kept' });
  expect(await image()).not.toBe(before);
  const undone = await drover.control.rollback(second.id, { reason: 'a test', dryRun: false }, operator);
  expect(undone.conflicts).toEqual([]);
  expect(await image()).toBe(before);
  expect(await drover.value<string>('SELECT count(*) FROM kept.payments')).toBe('0');
});

async function record(runId: string, sourceId: string) {
  const journeys = await drover.control.history(sourceId);
  const found = journeys.find((journey) => journey.runId === runId);
  if (!found) throw new Error(`no record ${sourceId} in run ${runId}`);
  return found;
}
