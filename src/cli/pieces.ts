/** Cuts a list so that no piece has more items, or more bytes of JSON, than given; an item is never cut. */
export function* chunksOf<T>(items: readonly T[], maxItems: number, maxBytes: number): Generator<readonly T[]> {
  let piece: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (piece.length > 0 && (piece.length === maxItems || bytes + size > maxBytes)) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(item);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
