import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Migration, operator, startMigration } from '../../helpers/bubble-drover.ts';

let drover: Migration;
beforeAll(async () => {
  drover = await startMigration(30);
});
afterAll(() => drover.close());

const reason = 'because of a test';
const records = (runId: string) =>
  drover.rows(
    'SELECT entity, source_id, status, code, field FROM drover.records WHERE run_id = $1 ORDER BY entity, source_id',
    runId,
  );
const isGood = (type: 'user' | 'booking' | 'clientprofile') => (id: string) =>
  drover.sandbox.manifest.types[type].verdicts[id] === undefined;
const goodUser = () => drover.sandbox.data.ids('user').find(isGood('user')) as string;

/** A profile without a fault, and its user without one. */
function goodChild(): { readonly profile: string; readonly user: string } {
  const { data } = drover.sandbox;
  for (const profile of data.ids('clientprofile').filter(isGood('clientprofile'))) {
    const user = String(data.get('clientprofile', profile)?.user_id);
    if (data.ids('user').includes(user) && isGood('user')(user)) return { profile, user };
  }
  throw new Error('the sandbox has no such profile');
}

test.each([
  ['a run', {}],
  ['a dry run', { dryRun: true }],
  ['an export', { exportOnly: true }],
])('%s of an id that the source does not have is rejected with NOT_IN_SOURCE', async (_name, rest) => {
  const ids = [goodUser(), 'no-such-id', 'no-such-id'];
  const run = await drover.run({ targetSchema: 'one', only: ['users'], ids, ...rest });
  expect(run).toMatchObject({ status: 'completed_with_failures', reason: '1 rejected' });
  expect(await records(run.id)).toContainEqual({
    ...{ entity: 'users', source_id: 'no-such-id', status: 'rejected', code: 'NOT_IN_SOURCE', field: null },
  });
  expect(run.entities.users).toMatchObject({ extracted: 2, rejected: 1 });
});

test('of several entities an id has to be in one', async () => {
  const { user, profile } = goodChild();
  const ids = [user, profile, 'nowhere'];
  const run = await drover.run({ targetSchema: 'several', only: ['users', 'client_profiles'], ids });
  const missing = (await records(run.id)).filter(({ code }) => code === 'NOT_IN_SOURCE');
  expect(missing).toEqual([expect.objectContaining({ source_id: 'nowhere' })]);
  const [group] = (await drover.control.failures(run.id)).filter(({ code }) => code === 'NOT_IN_SOURCE');
  expect(group).toMatchObject({ message: expect.stringContaining('users, client_profiles'), examples: ['nowhere'] });
});

test('an id that was added to the source since is read by a replay', async () => {
  const run = await drover.run({ targetSchema: 'added', only: ['users'], ids: ['added-later'] });
  const { data } = drover.sandbox;
  const email = 'added-later@example.com';
  data.insert('user', {
    ...data.get('user', goodUser()),
    _id: 'added-later',
    email,
    authentication: { email: { email } },
  });
  const [group] = await drover.control.failures(run.id);
  await drover.control.replay(run.id, String(group?.group), reason, operator);
  expect(await drover.settled(run.id)).toMatchObject({ status: 'completed' });
  expect(await drover.value('SELECT email FROM added.users')).toBe(email);
});

test('a record that was selected without its parent is not an orphan, and both ways of the remedy load it', async () => {
  const { user, profile } = goodChild();
  const only = ['users', 'client_profiles'];
  // Another user is there, so that the entity as a whole was migrated.
  const other = drover.sandbox.data.ids('user').find((id) => id !== user && isGood('user')(id)) as string;
  for (const [schema, addParent] of [
    ['by_enqueue', (id: string) => drover.control.enqueue(id, { entity: 'users', sourceIds: [user] }, operator)],
    ['by_run', () => drover.run({ targetSchema: 'by_run', only: ['users'], ids: [user] })],
  ] as const) {
    await drover.run({ targetSchema: schema, only: ['users'], ids: [other] });
    const run = await drover.run({ targetSchema: schema, only, ids: [profile] });
    const [group] = await drover.control.failures(run.id);
    expect(group).toMatchObject({
      code: 'PARENT_NOT_LOADED',
      message: expect.stringContaining(`users ${user}`),
      remedy: expect.stringContaining('drover enqueue'),
    });
    expect(`${group?.message} ${group?.remedy}`).not.toMatch(/does not exist|there is no/);
    await addParent(run.id);
    await drover.settled(run.id);
    await drover.control.replay(run.id, String(group?.group), reason, operator);
    await drover.settled(run.id);
    expect((await records(run.id)).find(({ source_id: id }) => id === profile)).toMatchObject({ status: 'reconciled' });
  }
});

test('in a full run a reference to a record that the source does not have is an orphan', async () => {
  const run = await drover.run({ targetSchema: 'whole' });
  const codes = (await records(run.id)).map(({ code }) => code);
  expect(codes).toContain('ORPHAN');
  expect(codes).not.toContain('PARENT_NOT_LOADED');
});
