import type { IdPair } from './ports.ts';

type Pages = AsyncIterable<readonly IdPair[]>;

/**
 * `{source id: target id}` of everything an entity has in the target: of this run, of earlier ones, and of records
 * merged into another, which point at the survivor's row. Both inputs are ordered by the bytes of the source id; where
 * both know one, what stands in the target wins.
 */
export async function* mappingFile(inTarget: Pages, ofRun: Pages): AsyncIterable<string> {
  let first = true;
  let piece = '{';
  for await (const { sourceId, targetId } of merged(inTarget, ofRun)) {
    piece += `${first ? '' : ','}\n  ${JSON.stringify(sourceId)}: ${JSON.stringify(targetId)}`;
    first = false;
    if (piece.length < 65_536) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}${first ? '' : '\n'}}\n`;
}

async function* merged(left: Pages, right: Pages): AsyncIterable<IdPair> {
  const [a, b] = [each(left), each(right)];
  let [x, y] = [await a.next(), await b.next()];
  while (!x.done || !y.done) {
    const order = x.done ? 1 : y.done ? -1 : compareBytes(x.value.sourceId, y.value.sourceId);
    yield (order <= 0 ? x.value : y.value) as IdPair;
    const [nextX, nextY] = [order <= 0 ? a.next() : x, order >= 0 ? b.next() : y];
    [x, y] = [await nextX, await nextY];
  }
}

async function* each(pages: Pages): AsyncGenerator<IdPair, undefined> {
  for await (const page of pages) yield* page;
  return undefined;
}

// JavaScript compares UTF-16 units, PostgreSQL's "C" collation bytes; they differ beyond the basic plane.
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
