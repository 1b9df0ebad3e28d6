import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnType, TransformOutcome } from '../../../src/plan/contract.ts';
import type { JsonObject } from '../../../src/plan/json.ts';
import { csvExport } from '../../../src/plans/bubble/csv/files.ts';
import { entityNames } from '../../../src/plans/bubble/entity-names.ts';
import { fieldMap } from '../../../src/plans/bubble/field-map.ts';
import plan from '../../../src/plans/bubble/index.ts';
import { mutatedRow } from '../../helpers/bubble-arbitrary.ts';
import { validRows } from '../../helpers/bubble-rows.ts';

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
      fc.property(mutatedRow(entity), fc.constantFrom(...paramSets), (raw, params) => {
        expectLoadable(entity, transform(raw, params));
      }),
      { numRuns: 2000 },
    );
  });

  it('says the same of a record and of the line it was exported to', () => {
    const { header, toCsvRow, collectColumns } = csvExport[entity];
    fc.assert(
      fc.property(mutatedRow(entity), fc.constantFrom(...paramSets), (raw, params) => {
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
      fc.property(mutatedRow(entity), (raw) => {
        const turned = Object.fromEntries(Object.entries(raw).reverse());
        expect(transform(turned, {})).toEqual(transform(raw, {}));
      }),
    );
  });
});
