import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import { type Drover, operator, startDrover } from '../../helpers/drover.ts';

let sandbox: BubbleSandbox;
let proxy: Server;
let drover: Drover;
/** How many users the source counts and does not give, as when a privacy rule hides them from the list. */
let hidden = 1;

beforeAll(async () => {
  sandbox = await startBubbleSandbox({ users: 30, dirt: 0 });
  const origin = new URL(sandbox.url).origin;
  proxy = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', origin);
    const { authorization = '' } = request.headers;
    const answer = await fetch(url, { headers: { authorization } });
    const body = (await answer.json()) as { response?: { remaining?: number } };
    // The request that counts asks for one record.
    if (
      body.response?.remaining !== undefined &&
      url.pathname.endsWith('/user') &&
      url.searchParams.get('limit') === '1'
    )
      body.response.remaining += hidden;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${new URL(sandbox.url).pathname}`;
  drover = await startDrover('bubble', { BUBBLE_API_URL: url, BUBBLE_API_KEY: sandbox.apiKey });
});
afterAll(async () => {
  await drover.close();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  await sandbox.close();
});

async function profileOutcome(runId: string) {
  const sql = "SELECT status, code FROM drover.records WHERE run_id = $1 AND source_id = 'profile-of-hidden'";
  return (await drover.rows(sql, runId))[0];
}

test('a retry after SOURCE_SHORT reads the source again, as its remedy says', async () => {
  const { data } = sandbox;
  const profile = data.get('clientprofile', String(data.ids('clientprofile')[0]));
  data.insert('clientprofile', { ...profile, _id: 'profile-of-hidden', user_id: 'hidden-before' });
  const run = await drover.run({ only: ['users', 'client_profiles'], targetSchema: 'short' });
  expect(await profileOutcome(run.id)).toEqual({ status: 'rejected', code: 'PARENT_NOT_LOADED' });
  const before = await drover.value<number>('SELECT count(*)::int FROM short.users');
  expect(run).toMatchObject({ status: 'completed_with_failures', reason: expect.stringContaining('SOURCE_SHORT') });

  // Still short: it is said again, with the counts of the new reading.
  await drover.control.retry(run.id, 'nothing was corrected', operator);
  expect((await drover.settled(run.id)).reason).toContain('SOURCE_SHORT: the source counts 31 users and gave 30');

  hidden = 0;
  const email = 'hidden-before@example.com';
  const like = data.get('user', String(data.ids('user')[0]));
  data.insert('user', { ...like, _id: 'hidden-before', email, authentication: { email: { email } } });
  await drover.control.retry(run.id, 'the privacy rule is corrected', operator);
  expect((await drover.settled(run.id)).reason ?? '').not.toContain('SOURCE_SHORT');
  expect(await profileOutcome(run.id)).toEqual({ status: 'reconciled', code: null });
  expect(await drover.value('SELECT count(*)::int FROM short.users')).toBe(before + 1);
  expect(await drover.value('SELECT count(*)::int FROM short.users WHERE email = $1', email)).toBe(1);
});
