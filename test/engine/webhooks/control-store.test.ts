import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startService, type TestService } from '../../helpers/api-service.ts';
import { type CommandResult, runDrover } from '../../helpers/cli.ts';

let service: TestService;
let url: string;
beforeAll(async () => {
  service = await startService();
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => service.stop());
beforeEach(() => sql('TRUNCATE drover.inbox'));

const sql = async (text: string, ...values: unknown[]) => (await service.database.$client.query(text, values)).rows;
const reason = 'because of a test';

interface Stored {
  readonly state?: string;
  readonly code?: string | null;
  readonly type?: string;
  readonly payload?: object | null;
  readonly settledDaysAgo?: number;
  readonly leased?: boolean;
}

/** Events as workers leave them. */
async function store(id: string, { state = 'failed', code = null, type = 'charge.refunded', ...more }: Stored = {}) {
  const { payload = { id }, settledDaysAgo, leased = false } = more;
  await sql(
    `INSERT INTO drover.inbox (provider, event_id, type, object_id, livemode, payload, state, attempts, code, message, happened_at, settled_at, lease_token, lease_until)
     VALUES ('stripe', $1, $2, 'ch_' || $1, false, $3, $4, 7, $5, 'why', now(), now() - $6 * interval '1 day',
       CASE WHEN $7 THEN 'token' END, CASE WHEN $7 THEN now() + interval '1 minute' END)`,
    ...[id, type, payload === null ? null : JSON.stringify(payload), state, code, settledDaysAgo ?? null, leased],
  );
}

const post = (path: string, body: object, role: 'viewer' | 'operator' | 'admin' = 'operator') =>
  service.app.inject({ method: 'POST', url: `/api/v1/webhooks${path}`, headers: service.as(role), payload: body });
const idsOf = async (query: string): Promise<string[]> => {
  const answer = await service.app.inject({ url: `/api/v1/webhooks${query}`, headers: service.as('viewer') });
  return answer.json().items.map(({ id }: { id: string }) => id);
};
const rowOf = async (id: string) =>
  (
    await sql(
      'SELECT state, attempts, code, due_at <= now() AS due, settled_at FROM drover.inbox WHERE event_id = $1',
      id,
    )
  )[0];
const audited = async () =>
  (await sql('SELECT action, subject, reason, details FROM drover.audit ORDER BY id DESC LIMIT 1'))[0];
const drover = (...args: string[]): Promise<CommandResult> =>
  runDrover(url, ['webhooks', ...args], { env: { DROVER_TOKEN: service.keys.admin } });

async function storeSome(): Promise<void> {
  await store('evt_failed', { code: 'NO_PAYMENT' });
  await store('evt_differs', { code: 'PAYMENT_DIFFERS', type: 'payment_intent.succeeded' });
  await store('evt_waiting', { state: 'pending', code: 'NO_PAYMENT' });
  await store('evt_new', { state: 'pending' });
  await store('evt_stranger', { state: 'ignored', code: 'STRANGER', settledDaysAgo: 40 });
  await store('evt_applied', { state: 'applied', settledDaysAgo: 20 });
}

describe('the list of events', () => {
  it('is filtered by code and by whether an event waits', async () => {
    await storeSome();
    expect(await idsOf('?code=NO_PAYMENT')).toEqual(['evt_waiting', 'evt_failed']);
    expect(await idsOf('?waiting=true')).toEqual(['evt_waiting']);
    expect(await idsOf('?waiting=false&state=pending')).toEqual(['evt_new']);
    const { stdout, code } = await drover('--waiting');
    expect([code, stdout.includes('evt_waiting'), stdout.includes('evt_failed')]).toEqual([0, true, false]);
  });
});

describe('a replay of one event', () => {
  it('makes it due at once as if it were new, and is audited', async () => {
    await storeSome();
    expect((await post('/stripe/evt_failed/replay', { reason }, 'viewer')).statusCode).toBe(403);
    expect((await post('/stripe/evt_failed/replay', { reason })).json()).toEqual({ replayed: true });
    expect(await rowOf('evt_failed')).toEqual({
      state: 'pending',
      attempts: 0,
      code: null,
      due: true,
      settled_at: null,
    });
    expect(await audited()).toEqual({
      ...{ action: 'webhook.replay', subject: 'webhook:stripe/evt_failed', reason },
      details: { state: 'failed', code: 'NO_PAYMENT' },
    });
    expect((await drover('replay', 'evt_stranger', '--reason', reason)).code).toBe(0);
    expect(await rowOf('evt_stranger')).toMatchObject({ state: 'pending', settled_at: null });
  });

  it('is refused by name when its payload was not kept, when it is unknown, and while a worker has it', async () => {
    await store('evt_bare', { state: 'ignored', payload: null });
    await store('evt_leased', { state: 'pending', leased: true });
    const refusal = async (id: string) => {
      const answer = await post(`/stripe/${id}/replay`, { reason });
      return [answer.statusCode, answer.json().code];
    };
    expect(await refusal('evt_bare')).toEqual([409, 'WEBHOOK_NOT_KEPT']);
    expect(await refusal('evt_none')).toEqual([404, 'NOT_FOUND']);
    expect(await refusal('evt_leased')).toEqual([409, 'NOT_ALLOWED_NOW']);
    expect(await rowOf('evt_leased')).toMatchObject({ attempts: 7 });
    expect((await drover('replay', 'evt_bare', '--reason', reason)).stderr).toMatch(/^WEBHOOK_NOT_KEPT/);
  });
});

describe('a replay of all that match', () => {
  it('takes failed and waiting events, and a dry run counts the same and changes nothing', async () => {
    await storeSome();
    const counts = { matched: 3, replayed: 3, withoutPayload: 0, busy: 0 };
    expect((await post('/replay', { reason, dryRun: true })).json()).toEqual({ dryRun: true, ...counts });
    expect(await rowOf('evt_failed')).toMatchObject({ state: 'failed', attempts: 7 });
    expect((await post('/replay', { reason })).json()).toEqual({ dryRun: false, ...counts });
    for (const id of ['evt_failed', 'evt_differs', 'evt_waiting'])
      expect(await rowOf(id)).toMatchObject({ attempts: 0 });
    for (const id of ['evt_new', 'evt_stranger', 'evt_applied']) expect(await rowOf(id)).toMatchObject({ attempts: 7 });
    expect(await audited()).toMatchObject({ action: 'webhook.replay-all', details: { matched: 3, replayed: 3 } });
  });

  it('is limited by code, type and state, and counts what it has to leave', async () => {
    await storeSome();
    await store('evt_bare', { code: 'NO_PAYMENT', payload: null });
    await store('evt_leased', { code: 'NO_PAYMENT', leased: true });
    const ran = await drover('replay', '--all', '--code', 'NO_PAYMENT', '--reason', reason, '--yes', '--json');
    expect(ran.json()).toEqual({ dryRun: false, matched: 4, replayed: 2, withoutPayload: 1, busy: 1 });
    expect(await rowOf('evt_differs')).toMatchObject({ state: 'failed' });
    expect((await post('/replay', { reason, state: 'ignored', code: 'STRANGER' })).json()).toMatchObject({
      replayed: 1,
    });
  });

  it('has to be confirmed on the command line', async () => {
    await storeSome();
    expect(await drover('replay', '--all', '--reason', reason)).toMatchObject({ code: 2 });
    expect(await rowOf('evt_failed')).toMatchObject({ state: 'failed' });
    expect((await drover('replay', '--reason', reason)).stderr).toContain('name one event, or --all');
  });
});

describe('a purge', () => {
  it('deletes settled events of that age and no others', async () => {
    await storeSome();
    await store('evt_old_failure', { state: 'failed', settledDaysAgo: 90 });
    const asked = await drover('purge', '--older-than', '30d', '--reason', reason, '--dry-run');
    expect([asked.code, asked.stdout]).toEqual([0, 'would delete 1 events\n']);
    expect((await post('/purge', { olderThan: '30d', reason })).statusCode).toBe(403);
    expect((await post('/purge', { olderThan: '30d', reason }, 'admin')).json()).toEqual({
      ...{ dryRun: false, complete: true, events: 1 },
    });
    expect(await rowOf('evt_stranger')).toBeUndefined();
    expect(await idsOf('')).toHaveLength(6);
    expect(await audited()).toMatchObject({ action: 'webhook.purge', details: { olderThan: '30d' } });
  });
});
