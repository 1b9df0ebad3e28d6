import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { generateLaunch } from '../../../src/sandbox/launch/generate.ts';
import { type SystemeioSandbox, startSystemeioSandbox } from '../../../src/sandbox/launch/systemeio.ts';
import { startXenditSandbox, type XenditSandbox } from '../../../src/sandbox/launch/xendit.ts';

let xendit: XenditSandbox;
let systemeio: SystemeioSandbox;
beforeAll(async () => {
  xendit = await startXenditSandbox({ share: 0.05 });
  systemeio = await startSystemeioSandbox({ share: 0.05 });
});
afterAll(async () => {
  await xendit.close();
  await systemeio.close();
});

type Body = Record<string, unknown> & {
  data: { id: string }[];
  items: { id: number }[];
  has_more: boolean;
  hasMore: boolean;
};

async function ask(sandbox: XenditSandbox | SystemeioSandbox, path: string, key?: string) {
  const headers: Record<string, string> =
    'secretKey' in sandbox
      ? { authorization: `Basic ${Buffer.from(`${key ?? sandbox.secretKey}:`).toString('base64')}` }
      : { 'x-api-key': key ?? sandbox.apiKey };
  const response = await fetch(sandbox.url + path, { headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

test('share 1 has exactly the numbers of the business', () => {
  const { invoices, contacts, manifest } = generateLaunch({ seed: 7, share: 1, dirt: 1 });
  const count = <T>(rows: readonly T[], is: (row: T) => boolean) => rows.filter(is).length;
  const tagged = (name: string) => (contact: (typeof contacts)[number]) =>
    contact.tags.some((tag) => tag.name === name);
  const status = (name: string) => count(invoices, (row) => row.status === name);
  expect([status('PAID'), status('SETTLED'), status('EXPIRED'), status('PENDING')]).toEqual([4496, 1640, 2818, 71]);
  expect(contacts).toHaveLength(15_270);
  expect([count(contacts, tagged('PaidP2P')), count(contacts, tagged('Canva'))]).toEqual([3664, 4916]);
  expect(count(contacts, (one) => tagged('PaidP2P')(one) && tagged('Canva')(one))).toBe(2893);
  expect(manifest.unmatched.ids).toHaveLength(19);
});

describe('Xendit', () => {
  test('pages of transactions end with has_more false and have every transaction once', async () => {
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const { body } = await ask(xendit, `/transactions?limit=50${after && `&after_id=${after}`}`);
      ids.push(...body.data.map(({ id }) => id));
      after = body.data.at(-1)?.id ?? '';
      if (!body.has_more) break;
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(xendit.manifest.sources.transactions);
  });

  test('transactions can be filtered by update time, invoices are an array, an unknown key is answered 401', async () => {
    const id = xendit.data.list('transaction')[0]?.id as string;
    xendit.data.modify('transaction', id, { updated: '2031-01-01T00:00:00.000Z' });
    const { body } = await ask(xendit, '/transactions?updated[gte]=2030-01-01T00:00:00Z');
    expect(body.data.map((row) => row.id)).toEqual([id]);
    const invoices = (await ask(xendit, '/v2/invoices?limit=7')).body as unknown as { id: string }[];
    expect(invoices).toHaveLength(7);
    expect((await ask(xendit, `/v2/invoices/${invoices[0]?.id}`)).body).toEqual(invoices[0]);
    expect((await ask(xendit, '/transactions', 'xnd_other')).status).toBe(401);
  });

  test('the rate limit holds for each endpoint separately and has a reset header', async () => {
    const small = await startXenditSandbox({ share: 0.05, ratePerMinute: 2 });
    const time = vi.spyOn(small.clock, 'now').mockReturnValue(1_000_000);
    try {
      const answers = [];
      for (let i = 0; i < 3; i++) answers.push(await ask(small, '/transactions'));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(Number(answers[2]?.headers.get('rate-limit-reset'))).toBe(60);
      expect((await ask(small, '/v2/invoices')).status).toBe(200);
    } finally {
      time.mockRestore();
      await small.close();
    }
  });
});

describe('Systeme.io', () => {
  test('contacts are always newest first', async () => {
    const { body } = await ask(systemeio, '/api/contacts?limit=10&order=asc');
    const ids = body.items.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
    expect(body.hasMore).toBe(true);
    const next = await ask(systemeio, `/api/contacts?limit=10&startingAfter=${ids.at(-1)}`);
    expect(next.body.items[0]?.id).toBeLessThan(ids.at(-1) as number);
  });

  test('a limit outside 10 to 100 and an unknown key are rejected', async () => {
    expect((await ask(systemeio, '/api/contacts?limit=101')).status).toBe(422);
    expect((await ask(systemeio, '/api/contacts', 'unknown-key')).status).toBe(401);
  });
});
