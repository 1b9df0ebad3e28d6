import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError } from '../../errors.ts';
import type { Page, Source, SourceRecord } from '../contract.ts';
import type { Json } from '../json.ts';
import type { Check, FaultMode, SourceSubject, StandIn } from './types.ts';

/** The guarantees of every source: reading can stop and resume anywhere, and faults lose nothing. */
export const sourceChecks: readonly Check<SourceSubject>[] = [
  {
    guarantee: 'an empty source ends at once without records',
    async run(subject) {
      const pages = await readPages(subject.open(await subject.standIn('empty')));
      assert.deepEqual(recordsOf(pages), []);
      assert.ok(pages.length <= 2, `${pages.length} empty pages`);
    },
  },
  {
    guarantee: 'a filled source has several pages, every record once and with an id',
    async run(subject) {
      const pages = await readPages(subject.open(await subject.standIn('filled')));
      assert.ok(pages.length >= 3, `${pages.length} pages: the fixture needs more records, or smaller pages`);
      const ids = recordsOf(pages).map((record) => record.sourceId);
      assert.equal(new Set(ids).size, ids.length, 'a record was returned twice although the source did not change');
      assert.ok(!ids.includes(''), 'a record of the fixture has no id');
    },
  },
  {
    guarantee: 'reading resumes from every cursor, in another process, with exactly the rest',
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
    guarantee: 'the same page can be read again without an effect on the following pages',
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
  withFault('throttled', '429s lose nothing and duplicate nothing', assertSameRecords),
  withFault('failing', '500s and dropped connections lose nothing and duplicate nothing', assertSameRecords),
  withFault('repeating', 'repeated pages lose nothing', assertNothingLost),
  withFault('shifting', 'records that appear during the scan hide no other record', assertNothingLost),
];

type Compare = (calm: readonly ReadPage[], troubled: readonly ReadPage[]) => void;

/** Reads once without and once with faults. A source that cannot have the fault passes. */
function withFault(fault: FaultMode, guarantee: string, compare: Compare): Check<SourceSubject> {
  return {
    guarantee,
    async run(subject) {
      const standIn = await subject.standIn('filled');
      if (standIn.injectFault === undefined) return;
      const calm = await readPages(subject.open(standIn));
      compare(calm, await readWithFault(standIn, fault, subject.open(standIn)));
    },
  };
}

async function readWithFault(standIn: StandIn, fault: FaultMode, source: Source): Promise<ReadPage[]> {
  standIn.injectFault?.(fault);
  try {
    return await readPages(source);
  } finally {
    standIn.injectFault?.('none');
  }
}

function assertSameRecords(calm: readonly ReadPage[], troubled: readonly ReadPage[]): void {
  assert.deepEqual(recordsOf(troubled), recordsOf(calm));
}

/** The ledger stores each id once, so a repeated record is harmless; a missing one is lost. */
function assertNothingLost(calm: readonly ReadPage[], troubled: readonly ReadPage[]): void {
  const found = idsOf(troubled);
  assert.deepEqual(
    [...idsOf(calm)].filter((id) => !found.has(id)),
    [],
    'records that existed during the whole scan',
  );
}

// Far more than a fixture needs; it ends the read of a source whose cursor does not advance.
const maxPages = 2_000;
const maxAttemptsPerPage = 50;

export interface ReadPage extends Page {
  /** The cursor it was read at, as a database returns it. */
  readonly at: Json | null;
}

/** Reads page after page from a cursor to the end, as a worker does. */
export async function readPages(source: Source, from: Json | null = null): Promise<ReadPage[]> {
  const pages: ReadPage[] = [];
  let at = from;
  do {
    const page: Page = await readPage(source, at);
    pages.push({ ...page, at });
    at = asStored(page.cursor);
    assert.ok(pages.length < maxPages, `no end after ${maxPages} pages: does the cursor advance?`);
  } while (at !== null);
  return pages;
}

/** One page; temporary errors are retried at the same cursor, as the engine does. */
async function readPage(source: Source, cursor: Json | null): Promise<Page> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await source.read(cursor, {}, AbortSignal.timeout(60_000));
    } catch (thrown) {
      assert.ok(thrown instanceof DroverError, `a source must throw only DroverError, not ${thrown}`);
      const passes = thrown.class === 'transient' || thrown.class === 'throttled';
      if (!passes || tries >= maxAttemptsPerPage) throw thrown;
      await sleep(Math.min(thrown.retryAfterMs ?? 50, 1_000));
    }
  }
}

const recordsOf = (pages: readonly Page[]): readonly SourceRecord[] => pages.flatMap((page) => page.records);

const idsOf = (pages: readonly Page[]): ReadonlySet<string> =>
  new Set(recordsOf(pages).map((record) => record.sourceId));

/** A cursor is stored as jsonb between two pages. */
function asStored(cursor: Json | null): Json | null {
  return cursor === null ? null : (JSON.parse(JSON.stringify(cursor)) as Json);
}
