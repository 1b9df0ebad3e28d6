import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import type { FaultRule } from '../../../src/sandbox/core/faults.ts';

type Page = { cursor: number; results: { _id: string }[]; count: number; remaining: number };

let sandbox: BubbleSandbox;

beforeEach(async () => {
  sandbox = await startBubbleSandbox({ users: 200, seed: 3 });
});
afterEach(() => sandbox.close());

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(sandbox.url + path, { ...init, headers: { authorization: `Bearer ${sandbox.apiKey}` } });
}

async function page(type: string, cursor = 0): Promise<Page> {
  const answer = await get(`/obj/${type}?cursor=${cursor}&sort_field=Created%20Date`);
  return ((await answer.json()) as { response: Page }).response;
}

async function statuses(count: number, path = '/obj/booking?limit=1'): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++)
    seen.push(
      await get(path)
        .then((answer) => answer.status)
        .catch(() => 0),
    );
  return seen;
}

const ids = (from: Page) => from.results.map(({ _id }) => _id);

describe('a scripted fault', () => {
  it('applies to the third list request of bookings and to no other', async () => {
    sandbox.faults.set([{ fault: 'throttle', operation: 'list', resource: 'booking', nth: 3, retryAfter: 2 }]);
    expect(await statuses(2, '/obj/user?limit=1')).toEqual([200, 200]);
    expect(await statuses(2)).toEqual([200, 200]);
    const third = await get('/obj/booking?limit=1');
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await third.json()).toMatchObject({ statusCode: 429, body: { message: expect.any(String) } });
    expect(await statuses(2)).toEqual([200, 200]);
    expect(sandbox.faults.tally()).toEqual([{ fault: 'throttle', seen: 5, fired: 1 }]);
  });

  it.each([
    [{ fault: 'error', nth: [1, 3] }, [500, 200, 500, 200, 200, 200]],
    [{ fault: 'unavailable', every: 2 }, [200, 503, 200, 503, 200, 503]],
    [{ fault: 'error', from: 2, until: 4 }, [200, 500, 500, 500, 200, 200]],
    [{ fault: 'error', times: 2 }, [500, 500, 200, 200, 200, 200]],
    [{ fault: 'error', resource: 'user' }, [200, 200, 200, 200, 200, 200]],
  ] as [FaultRule, number[]][])('%o', async (rule, expected) => {
    sandbox.faults.set([rule]);
    expect(await statuses(6)).toEqual(expected);
  });

  it('is rejected when it is invalid', () => {
    expect(() => sandbox.faults.set([{ fault: 'earthquake' } as unknown as FaultRule])).toThrow();
  });
});

describe('a fault with a rate', () => {
  it('applies to the same requests for the same seed, and to others for another seed', async () => {
    const rules: FaultRule[] = [{ fault: 'unavailable', rate: 0.3 }];
    sandbox.faults.set(rules);
    const first = await statuses(60);
    sandbox.faults.set(rules);
    expect(await statuses(60)).toEqual(first);
    const rejected = first.filter((status) => status === 503).length;
    expect(rejected).toBeGreaterThan(8);
    expect(rejected).toBeLessThan(30);
    const other = await startBubbleSandbox({ users: 1, seed: 4, faults: rules });
    try {
      const others: number[] = [];
      for (let i = 0; i < 60; i++) others.push((await fetch(`${other.url}/obj/user`)).status === 503 ? 503 : 200);
      expect(others).not.toEqual(first);
    } finally {
      await other.close();
    }
  });
});

describe('answers', () => {
  it('have a Retry-After of every form', async () => {
    sandbox.faults.set([
      { fault: 'throttle', nth: 1, retryAfter: 30, retryAfterForm: 'date' },
      { fault: 'throttle', nth: 2, retryAfterForm: 'garbage' },
      { fault: 'throttle', nth: 3 },
    ]);
    const headers = [];
    const before = Date.now();
    for (let i = 0; i < 3; i++) headers.push((await get('/obj/user')).headers.get('retry-after'));
    const retryAt = Date.parse(String(headers[0])) - 30_000;
    // The header has whole seconds.
    expect(retryAt).toBeGreaterThan(before - 1000);
    expect(retryAt).toBeLessThanOrEqual(Date.now());
    expect(Number.isNaN(Date.parse(String(headers[1])))).toBe(true);
    expect(headers[2]).toBeNull();
  });

  it('are lost when the connection drops before the work, after it, or in the middle of the answer', async () => {
    const create = () =>
      fetch(`${sandbox.url}/obj/payment`, {
        method: 'POST',
        headers: { authorization: `Bearer ${sandbox.apiKey}` },
        body: '{}',
      }).then((answer) => answer.text());
    const before = sandbox.data.counts().payment;
    sandbox.faults.set([{ fault: 'drop-before', times: 1 }]);
    await expect(create()).rejects.toThrow();
    expect(sandbox.data.counts().payment).toBe(before);
    sandbox.faults.set([{ fault: 'drop-after', times: 1 }]);
    await expect(create()).rejects.toThrow();
    expect(sandbox.data.counts().payment).toBe(before + 1);
    sandbox.faults.set([{ fault: 'drop-midway', times: 1 }]);
    await expect(create()).rejects.toThrow();
    expect(sandbox.data.counts().payment).toBe(before + 2);
    expect(sandbox.journal.entries().map(({ status }) => status)).toEqual([0, 0, 0]);
  });

  it('are truncated or HTML with status 200', async () => {
    sandbox.faults.set([
      { fault: 'truncate', nth: 1 },
      { fault: 'html', nth: 2 },
    ]);
    const [truncated, html] = [await get('/obj/user'), await get('/obj/user')];
    expect([truncated.status, html.status]).toEqual([200, 200]);
    const text = await truncated.text();
    expect(text.startsWith('{"response":')).toBe(true);
    expect(() => JSON.parse(text)).toThrow();
    expect(await html.text()).toContain('<!DOCTYPE html>');
  });

  it('are delayed', async () => {
    sandbox.faults.set([{ fault: 'slow', delayMs: 300, nth: 1 }]);
    const started = performance.now();
    await page('user');
    expect(performance.now() - started).toBeGreaterThan(280);
    sandbox.settings.latencyMs = 1000;
    await expect(get('/obj/user', { signal: AbortSignal.timeout(100) })).rejects.toThrow();
  });
});

describe('pages', () => {
  it('have fewer records than requested', async () => {
    sandbox.faults.set([{ fault: 'clamp', limit: 23 }]);
    expect(await page('user', 10)).toMatchObject({ count: 23, remaining: 167 });
  });

  it('are repeated', async () => {
    const first = await page('booking', 0);
    sandbox.faults.set([{ fault: 'repeat-page', nth: 1 }]);
    expect(ids(await page('booking', 100))).toEqual(ids(first));
    expect(ids(await page('booking', 100))).not.toEqual(ids(first));
  });

  it('shift when a row before the cursor is deleted: paging by offset skips one', async () => {
    const rest = ids(await page('booking', 100));
    sandbox.faults.set([{ fault: 'delete', position: 'before', nth: 1 }]);
    const shifted = await page('booking', 100);
    expect(ids(shifted).slice(0, 5)).toEqual(rest.slice(1, 6));
    const [entry] = sandbox.journal.entries(1);
    expect(entry).toMatchObject({ fault: 'delete', touched: [expect.any(String)] });
    expect(sandbox.data.get('booking', String(entry?.touched?.[0]))).toBeUndefined();
  });

  it('shift when rows before the cursor are inserted: paging by offset repeats them', async () => {
    const first = ids(await page('booking', 0));
    sandbox.faults.set([{ fault: 'insert', position: 'before', count: 2, nth: 1 }]);
    expect(ids(await page('booking', 100)).slice(0, 2)).toEqual(first.slice(-2));
  });

  it('include the changes of a test between two requests', async () => {
    const started = new Date().toISOString();
    const [first, second] = ids(await page('user', 0));
    sandbox.data.delete('user', String(first));
    sandbox.data.modify('user', String(second), { type: 'coach', password: null });
    const id = sandbox.data.insert('user', { type: 'seeker', 'Created Date': '2000-01-01T00:00:00.000Z' });
    const now = await page('user', 0);
    expect(ids(now).slice(0, 2)).toEqual([id, second]);
    expect(now.remaining).toBe(100);
    expect(String(sandbox.data.get('user', String(second))?.['Modified Date']) >= started).toBe(true);
  });
});

describe('the rate limit', () => {
  it('holds in every window of the sandbox’s clock', async () => {
    const limited = await startBubbleSandbox({ users: 1, ratePerMinute: 5 });
    const ask = async () => (await fetch(`${limited.url}/obj/user`)).status;
    const time = vi.spyOn(limited.clock, 'now');
    try {
      time.mockReturnValue(1_000_000);
      const statuses = [];
      for (let i = 0; i < 7; i++) statuses.push(await ask());
      expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
      time.mockReturnValue(1_059_999);
      expect(await ask()).toBe(429);
      time.mockReturnValue(1_060_000);
      expect(await ask()).toBe(401);
      expect(limited.journal.peak(60_000, ({ status }) => status !== 429)).toBe(5);
    } finally {
      time.mockRestore();
      await limited.close();
    }
  });
});

describe('the journal and the control surface', () => {
  it('record every request in memory and in a file, without credentials', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    const file = join(folder, 'journal.jsonl');
    const other = await startBubbleSandbox({ users: 1, journalFile: file });
    try {
      await fetch(`${other.url}/obj/user?limit=3`, { headers: { authorization: 'Bearer secret-thing' } });
    } finally {
      await other.close();
    }
    const text = readFileSync(file, 'utf8');
    rmSync(folder, { recursive: true });
    expect(text).not.toContain('secret-thing');
    const expected = { seq: 1, method: 'GET', path: '/api/1.1/obj/user', query: { limit: '3' }, status: 401 };
    expect(JSON.parse(text)).toMatchObject(expected);
    expect(other.journal.entries()[0]).toMatchObject(expected);
  });

  it('give access over HTTP to everything in the handle', async () => {
    const control = async (method: string, path: string, body?: unknown) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const answer = await fetch(new URL(`/__sandbox/${path}`, sandbox.url), init);
      return [answer.status, await answer.json()] as const;
    };
    expect((await control('PUT', 'faults', [{ fault: 'error', nth: 1 }]))[0]).toBe(200);
    expect(await statuses(2)).toEqual([500, 200]);
    expect((await control('PUT', 'faults', [{ fault: 'earthquake' }]))[0]).toBe(400);
    expect((await control('GET', 'journal?after=1'))[1]).toMatchObject([{ seq: 2, status: 200 }]);
    expect((await control('GET', 'manifest'))[1]).toEqual(JSON.parse(JSON.stringify(sandbox.manifest)));
    expect((await control('PATCH', 'settings', { wall: 10 }))[1]).toMatchObject({ wall: 10 });
    expect((await control('PATCH', 'settings', { roof: 10 }))[0]).toBe(400);
    const [, { id }] = (await control('POST', 'data/user', { type: 'coach' })) as [number, { id: string }];
    expect((await control('PATCH', `data/user/${id}`, { type: 'seeker' }))[1]).toEqual({ ok: true });
    expect((await control('GET', `data/user/${id}`))[1]).toMatchObject({ _id: id, type: 'seeker' });
    expect((await control('DELETE', `data/user/${id}`))[1]).toEqual({ ok: true });
    expect((await control('GET', 'data'))[1]).toMatchObject({ user: 200, booking: 480, payment: 400 });
    expect((await control('GET', 'nowhere'))[0]).toBe(404);
    expect((await control('POST', 'clock', { advanceMs: 3_600_000 }))[0]).toBe(200);
    expect(sandbox.clock.now() - Date.now()).toBeGreaterThan(3_500_000);
  });
});
