import fc from 'fast-check';
import type { Json, JsonObject } from '../json.ts';

// What real sources put where something else was expected. NUL and a lone surrogate are what PostgreSQL refuses.
const edgeCaseValues = fc.constantFrom<Json>(
  ...['', ' ', 'null', 'NULL', 'yes', '0', '-1', '1e999', 'NaN', '1,234.50', '2024-02-30', '2024-01-05 15:04:05'],
  ...['[', '{"a":', '["a","a"]', '\0', '\ud800', '\u200b', 'A@B.c', '٣', '9'.repeat(70), 'x'.repeat(5_000)],
  ...[0, -0, 1, -1, 2 ** 31, 2 ** 53, 1e21, 1e-7, 0.1 + 0.2, true, false, null, [], {}, [[]], ['a', 1, null]],
);

const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: edgeCaseValues },
  { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<Json> },
);

/** Records like the good one with some fields spoilt, and records that are like nothing at all. */
export function fuzzedRecord(good: JsonObject): fc.Arbitrary<JsonObject> {
  const names = Object.keys(good);
  const spoilt = fc
    .dictionary(fc.constantFrom(...names), value, { maxKeys: 3 })
    .map((change) => ({ ...good, ...change }));
  const missing = fc.subarray(names).map((kept) => Object.fromEntries(kept.map((name) => [name, good[name] ?? null])));
  const foreign = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value) as fc.Arbitrary<JsonObject>;
  return fc.oneof(spoilt as fc.Arbitrary<JsonObject>, missing as fc.Arbitrary<JsonObject>, foreign);
}
