import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBubbleSource } from '../../../src/sources/bubble/source.ts';
import { idsOf, readIds, readPages } from '../read-pages.ts';
import { type FakeRow, fakeBubble } from './fake-bubble.ts';

/** Rows with few creation times, so that ties of any length cross pages and walls. */
const rows = (most: number) =>
  fc
    .array(fc.record({ created: fc.integer({ min: 0, max: 12 }), key: fc.integer({ min: 0, max: 999 }) }), {
      maxLength: most,
    })
    .map((drafts) => drafts.map(({ created, key }, at): FakeRow => ({ created, id: `${key}x${at}` })));

const sizes = fc.record({ pageSize: fc.integer({ min: 1, max: 9 }), clamp: fc.integer({ min: 1, max: 9 }) });

test('every id is read exactly once, and from every cursor exactly the rest', async () => {
  await fc.assert(
    fc.asyncProperty(rows(60), sizes, fc.boolean(), async (data, { pageSize, clamp }, ignoresIdSort) => {
      const bubble = fakeBubble({ rows: data, clamp, ignoresIdSort });
      const read = () => createBubbleSource({ upstream: bubble.upstream, type: 'thing', pageSize });
      const pages = await readPages(read());
      expect(idsOf(pages).sort()).toEqual(data.map(({ id }) => id).sort());
      for (const [at, { cursor }] of pages.entries()) {
        if (cursor === null) continue;
        expect(await readIds(read(), cursor)).toEqual(idsOf(pages.slice(at + 1)));
      }
    }),
    { numRuns: 150 },
  );
});

test('a wall, even lower than configured, is passed as long as no creation time fills it', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows(80),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 30 }),
      async (data, pageSize, more) => {
        const wall = longestTie(data) + pageSize + 1;
        const bubble = fakeBubble({ rows: data, wall });
        const source = createBubbleSource({ upstream: bubble.upstream, type: 'thing', pageSize, wall: wall + more });
        expect((await readIds(source)).sort()).toEqual(data.map(({ id }) => id).sort());
      },
    ),
    { numRuns: 200 },
  );
});

test('rows deleted meanwhile hide no other row, and none is read twice', async () => {
  await fc.assert(
    fc.asyncProperty(rows(60), sizes, fc.infiniteStream(fc.nat()), async (data, { pageSize, clamp }, chance) => {
      const bubble = fakeBubble({ rows: [...data], clamp, wall: 40 });
      const gone = new Set<string>();
      bubble.beforeRequest = () => {
        if (gone.size === 15) return;
        const [victim] = bubble.rows.splice((chance.next().value as number) % (bubble.rows.length * 2 + 1), 1);
        if (victim) gone.add(victim.id);
      };
      const source = createBubbleSource({ upstream: bubble.upstream, type: 'thing', pageSize, wall: 40 });
      const ids = await readIds(source);
      expect(new Set(ids).size).toBe(ids.length);
      expect(data.map(({ id }) => id).filter((id) => !gone.has(id) && !ids.includes(id))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('an unsorted source is read by offset, and refused where only creation times could continue', async () => {
  await fc.assert(
    fc.asyncProperty(rows(40), sizes, async (data, { pageSize, clamp }) => {
      const bubble = fakeBubble({ rows: data, clamp, ignoresSort: true, ignoresConstraints: true });
      const source = createBubbleSource({ upstream: bubble.upstream, type: 'thing', pageSize });
      expect((await readIds(source)).sort()).toEqual(data.map(({ id }) => id).sort());
    }),
  );
  const shuffled = fakeBubble({
    rows: [5, 1, 9, 3, 7, 2].map((created) => ({ created, id: `${created}` })),
    ignoresSort: true,
  });
  const walled = createBubbleSource({ upstream: shuffled.upstream, type: 'thing', pageSize: 2, wall: 4 });
  await expect(readIds(walled)).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER' });
});

test('without "remaining" an empty page is the end', async () => {
  const data = Array.from({ length: 25 }, (_, at) => ({ created: at, id: `r${at}` }));
  const bubble = fakeBubble({ rows: data, hidesRemaining: true });
  expect(await readIds(createBubbleSource({ upstream: bubble.upstream, type: 'thing', pageSize: 5 }))).toHaveLength(25);
});

function longestTie(data: readonly FakeRow[]): number {
  const lengths = data.map(({ created }) => data.filter((row) => row.created === created).length);
  return Math.max(0, ...lengths);
}
