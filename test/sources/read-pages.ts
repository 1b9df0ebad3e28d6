import type { Page, Scope, Source } from '../../src/plan/contract.ts';
import type { Json } from '../../src/plan/json.ts';

export const neverAborted = new AbortController().signal;

/** Every page from a cursor to the end. Cursors go through JSON, as they do in the ledger. */
export async function readPages(
  source: Source,
  cursor: Json | null = null,
  scope: Scope = {},
  limit = 2_000,
): Promise<Page[]> {
  const pages: Page[] = [];
  let place = cursor;
  do {
    const page = await source.read(JSON.parse(JSON.stringify(place)) as Json | null, scope, neverAborted);
    pages.push(page);
    if (pages.length > limit) throw new Error('the source does not come to an end');
    place = page.cursor;
  } while (place !== null);
  return pages;
}

export function idsOf(pages: readonly Page[]): string[] {
  return pages.flatMap(({ records }) => records.map(({ sourceId }) => sourceId));
}

export async function readIds(source: Source, cursor: Json | null = null, scope: Scope = {}): Promise<string[]> {
  return idsOf(await readPages(source, cursor, scope));
}
