import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnType, TransformOutcome } from '../../src/plan/contract.ts';
import type { Json, JsonObject } from '../../src/plan/json.ts';
import { entityNames } from '../../src/plans/bubble/entity-names.ts';
import { fieldMap } from '../../src/plans/bubble/field-map.ts';
import { csvExport } from '../../src/plans/bubble/files/csv-export.ts';
import plan from '../../src/plans/bubble/index.ts';
import { validRows } from '../helpers/bubble-rows.ts';

const sourceId = '1708327130811x106027240349761540';
const paramSets: readonly JsonObject[] = [
  {},
  {
    csvTimeZone: 'Europe/Berlin',
    amountUnit: 'minor',
    defaultCurrency: 'KWD',
    listSeparator: ';',
    activeWhenEmpty: false,
  },
];

// Values that parsers are made for, and their neighbours.
const awkward = fc.constantFrom<Json>(
  ...['', ' ', 'NULL', 'null', 'yes', 'no', 'seeker', 'coach,client', 'complete', 'success', 'usd', 'A@B.c', '$120/hr'],
  ...['120,00', '1,234', '1,234.50', '1e5', '1e999', '-0', 'NaN', '٣', '9'.repeat(70), '2024-02-30', '0000-09-21'],
  ...['Jan 5, 2024 3:04 pm', '2024-01-05 15:04:05', '2024-03-31 02:30', '2024-10-27 02:30', '(UTC+2)', '1704438240123'],
  ...[
    'a , b',
    '["a","a"]',
    "['a', None]",
    '[',
    '{"a":',
    '"\\"x\\""',
    '{"n":12345678901234567890}',
    '//cdn.x/y',
    '\0',
    '\ud800',
  ],
  ...['$2b$12$6hkgxDvIJOYUVpXosEqmGOw7CH.Wc.mD1jg4Qhgd1XEsj6KIjeqGe', 'd41d8cd98f00b204e9800998ecf8427e'],
  ...[0, -0, 1, -1, 25, 500, 500.01, 60, 2 ** 31, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2, true, false, null],
  ...[
    [],
    {},
    [[]],
    ['a', 1, null],
    { email: { email: 'x@y.z', email_confirmed: 'yes' } },
    { Google: { email: 'g@y.z' } },
  ],
);

const value = fc.oneof(
  { weight: 3, arbitrary: awkward },
  { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<Json> },
);

/** Rows with the plan's own field names, some of them as they should be. */
function mutated(entity: (typeof entityNames)[number]): fc.Arbitrary<JsonObject> {
  const names = [
    ...new Set(Object.values(fieldMap[entity]).flatMap(({ from }) => from.map((name) => name.split('.')[0] ?? ''))),
  ];
  const changes = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 });
  return fc.oneof(
    changes.map((change) => ({ ...validRows[entity], ...change })),
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value),
  );
}

const fits: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value) && Math.abs(value as number) <= 2_147_483_647,
  'text[]': (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  jsonb: (value) => value !== undefined,
  timestamptz: (value) => typeof value === 'string' && new Date(value).toISOString() === value,
};

function fitsColumn(type: ColumnType, value: unknown): boolean {
  const numeric = /^numeric\((\d+),(\d+)\)$/.exec(type);
  if (numeric === null) return fits[type]?.(value) ?? false;
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(String(value));
  const [precision, scale] = [Number(numeric[1]), Number(numeric[2])];
  return match !== null && (match[1] ?? '').length <= precision - scale && (match[2] ?? '').length <= scale;
}

function expectLoadable(entity: (typeof entityNames)[number], outcome: TransformOutcome): void {
  expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
  if (outcome.kind !== 'row') return;
  expect(JSON.stringify({ ...outcome, enrich: null })).not.toMatch(/\\u0000|\\ud[89a-f]/);
  const { columns } = plan.entities[entity].target;
  for (const [column, { type, ...rest }] of Object.entries(columns)) {
    if ('references' in rest) {
      expect(outcome.references?.[column]?.sourceId).toMatch(/\S/);
      continue;
    }
    if (column === 'password_hash' && outcome.enrich !== undefined) continue;
    const held = outcome.row[column];
    if (held === null && 'nullable' in rest) continue;
    expect(fitsColumn(type, held), `${entity}.${column} ${type} ${JSON.stringify(held)}`).toBe(true);
  }
  expect(Object.keys(outcome.row).filter((column) => !(column in columns))).toEqual([]);
}

describe.each(entityNames)('%s', (entity) => {
  const transform = (raw: unknown, params: JsonObject) =>
    plan.entities[entity].transform(raw as JsonObject, { sourceId, params });

  it('transforms a valid row', () => {
    expect(transform(validRows[entity], {})).toMatchObject({ kind: 'row' });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withNullPrototype: true,
          withMap: true,
          withSparseArray: true,
        }),
        (raw) => void transform(raw, {}),
      ),
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(...Object.values(fieldMap[entity]).flatMap(({ from }) => [...from])),
          fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withTypedArray: true }),
        ),
        (raw) => void transform(raw, {}),
      ),
      { numRuns: 500 },
    );
  });

  it('makes rows that PostgreSQL takes, or rejects', () => {
    fc.assert(
      fc.property(mutated(entity), fc.constantFrom(...paramSets), (raw, params) => {
        expectLoadable(entity, transform(raw, params));
      }),
      { numRuns: 2000 },
    );
  });

  it('says the same of a record and of the line it was exported to', () => {
    const { header, toCsvRow, collectColumns } = csvExport[entity];
    fc.assert(
      fc.property(mutated(entity), fc.constantFrom(...paramSets), (raw, params) => {
        const columns = new Set<string>();
        collectColumns(columns, raw);
        const names = header(columns);
        const cells = toCsvRow(raw, names);
        const read = Object.fromEntries(names.map((name, at) => [name, cells[at] ?? '']));
        expect(transform(read, params)).toEqual(transform(raw, params));
      }),
      { numRuns: 2000 },
    );
  });

  it('says the same whatever the order of the fields', () => {
    fc.assert(
      fc.property(mutated(entity), (raw) => {
        const turned = Object.fromEntries(Object.entries(raw).reverse());
        expect(transform(turned, {})).toEqual(transform(raw, {}));
      }),
    );
  });
});
