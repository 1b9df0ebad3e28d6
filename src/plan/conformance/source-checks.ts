import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError } from '../../errors.ts';
import type { Page, Source, SourceRecord } from '../contract.ts';
import type { Json } from '../json.ts';
import type { Check, FaultMode, SourceSubject, StandIn } from './types.ts';

/** What every source promises: that the engine may stop and go on anywhere, and that trouble loses nothing. */
export const sourceChecks: readonly Check<SourceSubject>[] = [
  {
    guarantee: 'an empty source ends at once and gives nothing',
    async run(subject) {
      const pages = await readPages(subject.open(await subject.standIn('empty')));
      assert.deepEqual(recordsOf(pages), []);
      assert.ok(pages.length <= 2, `${pages.length} pages of nothing`);
    },
  },
  {
    guarantee: 'a filled source gives several pages, every record once and with an id',
    async run(subject) {
      const pages = await readPages(subject.open(await subject.standIn('filled')));
      assert.ok(pages.length >= 3, `${pages.length} pages: the fixture needs more records, or smaller pages`);
      const ids = recordsOf(pages).map((record) => record.sourceId);
      assert.equal(new Set(ids).size, ids.length, 'a record came twice although nothing moved');
      assert.ok(!ids.includes(''), 'a record of the fixture has no id');
    },
  },
  {
    guarantee: 'reading goes on from every cursor, in another process, with exactly the rest',
    async run(subject) {
      const standIn = await subject.standIn('filled');
      const pages = await readPages(subject.open(standIn));
      for (const [index, { at }] of pages.entries()) {
        const rest = await readPages(subject.open(standIn), at);
        assert.deepEqual(recordsOf(rest), recordsOf(pages.slice(index)), `from the cursor of page ${index}`);
      }
    },
  },
  {
    guarantee: 'the same page can be read again, and reading goes on as if it had not been',
    async run(subject) {
      const standIn = await subject.standIn('filled');
      const source = subject.open(standIn);
      const pages = await readPages(subject.open(standIn));
      for (const page of pages) {
        assert.deepEqual((await readPage(source, page.at)).records, page.records);
        assert.deepEqual((await readPage(source, page.at)).records, page.records);
      }
    },
  },
  {
    guarantee: 'a count, where there is one, is the number of records that are read',
    async run(subject) {
      const source = subject.open(await subject.standIn('filled'));
      const count = await source.count?.({}, AbortSignal.timeout(30_000));
      if (count !== undefined) assert.equal(recordsOf(await readPages(source)).length, count);
    },
  },
  withFault('throttled', '429s lose nothing and double nothing', assertSameRecords),
  withFault('failing', '500s and dropped connections lose nothing and double nothing', assertSameRecords),
  withFault('repeating', 'pages that come twice lose nothing', assertNothingLost),
  withFault('shifting', 'records that appear while reading move none out of sight', assertNothingLost),
];

type Compare = (calm: readonly ReadPage[], troubled: readonly ReadPage[]) => void;

/** Reads once in calm and once in trouble. A source that can have no trouble keeps the promise by being what it is. */
function withFault(trouble: FaultMode, promise: string, compare: Compare): Check<SourceSubject> {
  return {
    guarantee: promise,
    async run(subject) {
      const standIn = await subject.standIn('filled');
      if (standIn.injectFault === undefined) return;
      const calm = await readPages(subject.open(standIn));
      compare(calm, await readWithFault(standIn, trouble, subject.open(standIn)));
    },
  };
}

async function readWithFault(standIn: StandIn, trouble: FaultMode, source: Source): Promise<ReadPage[]> {
  standIn.injectFault?.(trouble);
  try {
    return await readPages(source);
  } finally {
    standIn.injectFault?.('none');
  }
}

function assertSameRecords(calm: readonly ReadPage[], troubled: readonly ReadPage[]): void {
  assert.deepEqual(recordsOf(troubled), recordsOf(calm));
}

/** The ledger keeps each id once, so what comes twice costs nothing; what does not come is lost. */
function assertNothingLost(calm: readonly ReadPage[], troubled: readonly ReadPage[]): void {
  const found = idsOf(troubled);
  assert.deepEqual(
    [...idsOf(calm)].filter((id) => !found.has(id)),
    [],
    'records that were there all the time',
  );
}

// Far more than a fixture needs; a source that goes round in a circle ends here.
const maxPages = 2_000;
const maxAttemptsPerPage = 50;

interface ReadPage extends Page {
  /** The cursor it was read at, as it comes back from a database. */
  readonly at: Json | null;
}

/** Reads on from a cursor to the end, a page after another, as a worker does. */
async function readPages(source: Source, from: Json | null = null): Promise<ReadPage[]> {
  const pages: ReadPage[] = [];
  let at = from;
  do {
    const page: Page = await readPage(source, at);
    pages.push({ ...page, at });
    at = asStored(page.cursor);
    assert.ok(pages.length < maxPages, `no end after ${maxPages} pages: does the cursor move?`);
  } while (at !== null);
  return pages;
}

/** One page; what may pass is tried again at the same cursor, as the engine does. */
async function readPage(source: Source, cursor: Json | null): Promise<Page> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await source.read(cursor, {}, AbortSignal.timeout(60_000));
    } catch (thrown) {
      assert.ok(thrown instanceof DroverError, `a source throws DroverError and nothing else, not ${thrown}`);
      const passes = thrown.class === 'transient' || thrown.class === 'throttled';
      if (!passes || tries >= maxAttemptsPerPage) throw thrown;
      await sleep(Math.min(thrown.retryAfterMs ?? 50, 1_000));
    }
  }
}

const recordsOf = (pages: readonly Page[]): readonly SourceRecord[] => pages.flatMap((page) => page.records);

const idsOf = (pages: readonly Page[]): ReadonlySet<string> =>
  new Set(recordsOf(pages).map((record) => record.sourceId));

/** A cursor is kept as jsonb between two pages. */
function asStored(cursor: Json | null): Json | null {
  return cursor === null ? null : (JSON.parse(JSON.stringify(cursor)) as Json);
}
