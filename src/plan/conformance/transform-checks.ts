import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TransformOutcome } from '../contract.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Check, EntitySubject } from './types.ts';

const runs = { numRuns: 500 };
const sourceId = 'conformance-1';

/** The guarantees of every transform, for any input. */
export const transformChecks: readonly Check<EntitySubject>[] = [
  {
    guarantee: 'converts a valid record to a row',
    run(subject) {
      const good = goodRecord(subject);
      const fits = subject.entity.schema.safeParse(good);
      assert.ok(fits.success, `the fixture's record does not fit the schema: ${fits.error?.message}`);
      const outcome = transform(subject, good);
      assert.equal(outcome.kind, 'row', `the fixture's record was not converted: ${JSON.stringify(outcome)}`);
    },
  },
  {
    guarantee: 'never throws',
    run: (subject) =>
      fuzz(subject, (raw) => {
        subject.entity.schema.safeParse(raw);
        transform(subject, raw);
      }),
  },
  {
    guarantee: 'is pure: the same record has the same outcome and is not modified',
    run: (subject) =>
      fuzz(subject, (raw) => {
        const outcome = transform(subject, deepFreeze(structuredClone(raw)));
        assert.deepEqual(transform(subject, raw), outcome);
      }),
  },
  {
    guarantee: 'returns outcomes that can be stored: JSON without NUL or unpaired surrogates',
    run: (subject) =>
      fuzz(subject, (raw) => {
        const outcome = transform(subject, raw);
        const { enrich: _secret, ...kept } = outcome as TransformOutcome & { enrich?: JsonObject };
        const text = JSON.stringify(kept);
        assert.deepEqual(JSON.parse(text), withoutUndefined(kept));
        assert.doesNotMatch(text, /\\u0000|\\ud[89a-f]/, 'PostgreSQL cannot store the outcome');
      }),
  },
  {
    guarantee: 'names only columns of the target and records of entities it depends on',
    run: (subject) =>
      fuzz(subject, (raw) => {
        const outcome = transform(subject, raw);
        if (outcome.kind === 'row') assertKnown(subject, outcome);
      }),
  },
];

function assertKnown({ name, entity }: EntitySubject, outcome: Extract<TransformOutcome, { kind: 'row' }>): void {
  const { columns } = entity.target;
  const references = Object.entries(outcome.references ?? {});
  const unknown = [...Object.keys(outcome.row), ...references.map(([column]) => column)].filter(
    (column) => !(column in columns) && column !== 'id',
  );
  assert.deepEqual(unknown, [], `columns that target.columns of ${name} does not have`);
  for (const [column, reference] of references) {
    assert.equal(
      column === 'id' ? entity.target.idReferences : columns[column]?.references,
      reference.entity,
      `${column} references another entity in target.columns`,
    );
    assert.notEqual(reference.sourceId, '', `${column} points at a record without an id`);
  }
}

function fuzz(subject: EntitySubject, property: (raw: JsonObject) => void): void {
  fc.assert(fc.property(fuzzedRecord(goodRecord(subject)), property), runs);
}

function transform({ entity }: EntitySubject, raw: JsonObject): TransformOutcome {
  return entity.transform(raw, { sourceId, params: {} });
}

function goodRecord({ fixture, name }: EntitySubject): JsonObject {
  const record = fixture.records[name];
  assert.ok(record, `the fixture has no record of ${name}: add one to its \`records\``);
  return record;
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.map(([key, held]) => [key, withoutUndefined(held)]));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const held of Object.values(value)) deepFreeze(held);
  return Object.freeze(value);
}

// Values that real sources contain in place of the expected ones. PostgreSQL refuses NUL and unpaired surrogates.
const edgeCaseValues = fc.constantFrom<Json>(
  ...['', ' ', 'null', 'NULL', 'yes', '0', '-1', '1e999', 'NaN', '1,234.50', '2024-02-30', '2024-01-05 15:04:05'],
  ...['[', '{"a":', '["a","a"]', '\0', '\ud800', '\u200b', 'A@B.c', '٣', '9'.repeat(70), 'x'.repeat(5_000)],
  ...[0, -0, 1, -1, 2 ** 31, 2 ** 53, 1e21, 1e-7, 0.1 + 0.2, true, false, null, [], {}, [[]], ['a', 1, null]],
);

const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: edgeCaseValues },
  { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<Json> },
);

/** The valid record with some fields replaced, and arbitrary records. */
function fuzzedRecord(good: JsonObject): fc.Arbitrary<JsonObject> {
  const names = Object.keys(good);
  const spoilt = fc
    .dictionary(fc.constantFrom(...names), value, { maxKeys: 3 })
    .map((change) => ({ ...good, ...change }));
  const missing = fc.subarray(names).map((kept) => Object.fromEntries(kept.map((name) => [name, good[name] ?? null])));
  const foreign = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value) as fc.Arbitrary<JsonObject>;
  return fc.oneof(spoilt as fc.Arbitrary<JsonObject>, missing as fc.Arbitrary<JsonObject>, foreign);
}
