import { expect, test } from 'vitest';
import { createBubbleSource } from '../../../src/sources/bubble/source.ts';
import { idsOf, neverAborted, readIds, readPages } from '../read-pages.ts';
import { type FakeBubble, type FakeRow, fakeBubble, isoOf } from './fake-bubble.ts';

const minute = 60_000;
const numbered = (count: number, gap = 1): FakeRow[] =>
  Array.from({ length: count }, (_, at) => ({ id: `r${String(at).padStart(6, '0')}`, created: at * gap }));
const sourceOf = (bubble: FakeBubble, more = {}) =>
  createBubbleSource({ upstream: bubble.upstream, type: 'thing', ...more });

test('two walls are passed with about one request a page and a small cursor', async () => {
  const bubble = fakeBubble({ rows: numbered(2_500), wall: 1_000 });
  const pages = await readPages(sourceOf(bubble, { wall: 1_000 }));
  expect(new Set(idsOf(pages)).size).toBe(2_500);
  expect(bubble.requests.length).toBeLessThan(30);
  expect(Math.max(...pages.map(({ cursor }) => JSON.stringify(cursor).length))).toBeLessThan(500);
});

test('the cursor stays small inside thousands of rows created together', async () => {
  const rows = numbered(3_000).map((row) => ({ ...row, created: 7 }));
  const pages = await readPages(sourceOf(fakeBubble({ rows })));
  expect(idsOf(pages)).toHaveLength(3_000);
  expect(Math.max(...pages.map(({ cursor }) => JSON.stringify(cursor).length))).toBeLessThan(3_000);
});

test('more rows created together than the wall admits are an error, not the end', async () => {
  const rows = [...numbered(50), ...numbered(900).map(({ id }) => ({ id: `t${id}`, created: 60 }))];
  for (const wall of [500, 50_000]) {
    const reading = readIds(sourceOf(fakeBubble({ rows, wall: 500 }), { wall }));
    await expect(reading).rejects.toMatchObject({
      code: 'UPSTREAM_BAD_ANSWER',
      message: expect.stringContaining('share the creation time'),
    });
  }
});

test('an empty page with remaining rows is never the end', async () => {
  const bubble = fakeBubble({ rows: numbered(10), wall: 0 });
  await expect(readIds(sourceOf(bubble))).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER', class: 'transient' });
});

test('a page repeated in place of the next is detected', async () => {
  const bubble = fakeBubble({ rows: numbered(500) });
  const { request } = bubble.upstream;
  bubble.upstream.request = (asked) => {
    const offset = Number(asked.query?.cursor);
    const shift = bubble.requests.length % 2 === 0 ? 0 : 100;
    return request({ ...asked, query: { ...asked.query, cursor: Math.max(0, offset - shift) } });
  };
  expect(await readIds(sourceOf(bubble))).toEqual(numbered(500).map(({ id }) => id));
});

test('a source that ignores constraints is refused instead of being read without end', async () => {
  const bubble = fakeBubble({ rows: numbered(300), wall: 200, ignoresConstraints: true });
  await expect(readIds(sourceOf(bubble, { wall: 200 }))).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER' });
});

test('a window begins a minute early and ends before its end', async () => {
  const rows = [-61, -60, -59, 0, 30, 60].map((second) => ({ id: `s${second}`, created: 0, modified: second * 1_000 }));
  const scope = { since: isoOf(0), until: isoOf(minute) };
  const source = sourceOf(fakeBubble({ rows }));
  expect((await readIds(source, null, scope)).sort()).toEqual(['s-59', 's0', 's30']);
  expect(await source.count?.(scope, neverAborted)).toBe(3);
});

test('the watermark is the newest change, but never later than the start of the scan', async () => {
  const past = fakeBubble({
    rows: [
      { id: 'a', created: 0, modified: 5_000 },
      { id: 'b', created: 1, modified: 3_000 },
    ],
  });
  const [page] = await readPages(sourceOf(past));
  expect(page?.watermark).toBe(isoOf(5_000));
  const begun = Date.now();
  const future = fakeBubble({ rows: [{ id: 'a', created: 0, modified: 1e12 }] });
  const [later] = await readPages(sourceOf(future));
  expect(Date.parse(later?.watermark ?? '') - begun).toBeLessThan(minute);
});

test('a list of ids is read in few requests, without ids that do not exist, from every cursor', async () => {
  const bubble = fakeBubble({ rows: numbered(200), clamp: 20 });
  const ids = ['', '..', 'gone', 'a/b?c#d', ...numbered(130).map(({ id }) => id), 'r000000'];
  const pages = await readPages(sourceOf(bubble), null, { ids });
  expect(idsOf(pages).sort()).toEqual(numbered(130).map(({ id }) => id));
  for (const [at, { cursor }] of pages.entries()) {
    if (cursor !== null) expect(await readIds(sourceOf(bubble), cursor, { ids })).toEqual(idsOf(pages.slice(at + 1)));
  }
  expect(await readIds(sourceOf(bubble), null, { ids: [] })).toEqual([]);
});

test('ids of any length fit into a URL', async () => {
  const long = Array.from({ length: 5 }, (_, at) => ({ id: `${at}${'x'.repeat(1_000)}`, created: at }));
  const bubble = fakeBubble({ rows: long });
  expect(await readIds(sourceOf(bubble), null, { ids: long.map(({ id }) => id) })).toHaveLength(5);
  expect(Math.max(...bubble.requests.map(({ query }) => (query.constraints ?? '').length))).toBeLessThan(2_500);
});

test('the count is the rows of a page of one and those remaining', async () => {
  expect(await sourceOf(fakeBubble({ rows: numbered(73) })).count?.({}, neverAborted)).toBe(73);
  expect(await sourceOf(fakeBubble({ rows: [] })).count?.({}, neverAborted)).toBe(0);
  expect(
    await sourceOf(fakeBubble({ rows: numbered(3), hidesRemaining: true })).count?.({}, neverAborted),
  ).toBeUndefined();
});

test('an empty type has one empty page', async () => {
  expect(await readPages(sourceOf(fakeBubble({ rows: [] })))).toEqual([
    { records: [], cursor: null, watermark: undefined },
  ]);
});

test('the error for a type that is not exposed lists the exposed ones', async () => {
  const bubble = fakeBubble({ rows: [], types: { get: ['user', 'booking'] } });
  await expect(readIds(sourceOf(bubble, { type: 'wombat' }))).rejects.toMatchObject({
    code: 'UPSTREAM_NOT_FOUND',
    remedy: expect.stringContaining('user, booking'),
  });
});

test('a type may be given by candidate names; they are looked up once', async () => {
  const bubble = fakeBubble({ rows: numbered(250), types: { get: ['user', 'thing'] } });
  const source = sourceOf(bubble, { type: ['Things', 'stuff'] });
  expect(await readIds(source)).toHaveLength(250);
  expect(bubble.requests.filter(({ path }) => path === 'meta')).toHaveLength(1);
});

test('a cursor of another source is refused', async () => {
  await expect(readIds(sourceOf(fakeBubble({ rows: [] })), { line: 3 })).rejects.toMatchObject({
    code: 'CONFIGURATION',
  });
});

test('an answer that is not a page is a bad answer', async () => {
  for (const body of [[], {}, { response: 3 }, { response: { results: {} } }, { response: { results: [1] } }]) {
    const upstream = { request: async () => ({ status: 200, headers: {}, text: '', json: () => body }) };
    const source = createBubbleSource({ upstream, type: 'thing' });
    await expect(source.read(null, {}, neverAborted)).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER' });
  }
});
