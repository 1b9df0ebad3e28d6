import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError } from '../../errors.ts';
import type { Page, Source, SourceRecord } from '../contract.ts';
import type { Json } from '../json.ts';

// Far more than a fixture needs; a source that goes round in a circle ends here.
const maxPages = 2_000;
const maxAttemptsPerPage = 50;

export interface ReadPage extends Page {
  /** The cursor it was read at, as it comes back from a database. */
  readonly at: Json | null;
}

/** Reads on from a cursor to the end, a page after another, as a worker does. */
export async function readPages(source: Source, from: Json | null = null): Promise<ReadPage[]> {
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
export async function readPage(source: Source, cursor: Json | null): Promise<Page> {
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

export const recordsOf = (pages: readonly Page[]): readonly SourceRecord[] => pages.flatMap((page) => page.records);

export const idsOf = (pages: readonly Page[]): ReadonlySet<string> =>
  new Set(recordsOf(pages).map((record) => record.sourceId));

/** A cursor is kept as jsonb between two pages. */
function asStored(cursor: Json | null): Json | null {
  return cursor === null ? null : (JSON.parse(JSON.stringify(cursor)) as Json);
}
