import { expect, test } from 'vitest';
import { chunkOfIds, idsCursor, parseCursor, readIdsPage, watermarkOf } from '../../src/sources/paging.ts';

const startedAt = '2026-01-02T00:00:00.000Z';

test('a page of ids continues from its cursor, without empty and repeated ids, to the end of the list', async () => {
  const wanted = ['a', '', 'b', 'a', 'c'];
  const read = async (ids: readonly string[]) => ids.map((id) => ({ sourceId: id, raw: {} }));
  const first = await readIdsPage(wanted, undefined, { maxIds: 2 }, read);
  expect(first.records.map(({ sourceId }) => sourceId)).toEqual(['a', 'b']);
  expect(first.cursor).toEqual({ kind: 'ids', next: 2 });
  const second = await readIdsPage(wanted, parseCursor(idsCursor, first.cursor, 'test'), { maxIds: 2 }, read);
  expect(second).toEqual({ records: [{ sourceId: 'c', raw: {} }], cursor: null });
  expect(await readIdsPage([], undefined, { maxIds: 2 }, read)).toEqual({ records: [], cursor: null });
});

test('a chunk ends at its length, but has at least one id', () => {
  const chunk = { maxIds: 10, maxCharacters: 5, lengthOf: (id: string) => id.length };
  expect(chunkOfIds(['aa', 'bb', 'cc'], 0, chunk)).toEqual(['aa', 'bb']);
  expect(chunkOfIds(['too long', 'b'], 0, chunk)).toEqual(['too long']);
  expect(chunkOfIds(['a'], 1, chunk)).toEqual([]);
});

test('the watermark is the newest change, at most the start of the scan, and absent without a change', () => {
  const at = (text: string) => Date.parse(text);
  expect(watermarkOf([at('2026-01-01'), Number.NaN, at('2025-12-31')], startedAt)).toBe('2026-01-01T00:00:00.000Z');
  expect(watermarkOf([at('2026-01-03')], startedAt)).toBe(startedAt);
  expect(watermarkOf([Number.NaN], startedAt)).toBeUndefined();
});

test('the cursor of another source is refused by name', () => {
  expect(parseCursor(idsCursor, null, 'Bubble')).toBeUndefined();
  expect(() => parseCursor(idsCursor, { kind: 'list', after: '1' }, 'Bubble')).toThrow(
    expect.objectContaining({ code: 'CONFIGURATION', message: 'the stored cursor is not one of the Bubble source' }),
  );
});
