import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/plan/json.ts';
import { collectColumns, csvLine, orderColumns, toCsvRow } from '../../../src/sources/csv/export.ts';
import { createCsvSource } from '../../../src/sources/csv/source.ts';

const directory = mkdtempSync(join(tmpdir(), 'drover-csv-export-'));
afterAll(() => rmSync(directory, { recursive: true }));

const signal = new AbortController().signal;

function written(records: readonly JsonObject[], first: readonly string[] = ['_id']): string {
  const columns = new Set<string>();
  for (const record of records) collectColumns(columns, record);
  const header = orderColumns(columns, first);
  return [header, ...records.map((record) => toCsvRow(record, header))].map(csvLine).join('');
}

async function readBack(text: string): Promise<JsonObject[]> {
  const path = join(directory, 'file.csv');
  writeFileSync(path, text);
  const page = await createCsvSource({ path, idColumns: ['_id'], pageSize: 1000 }).read(null, {}, signal);
  return page.records.map(({ raw }) => raw);
}

describe('export', () => {
  it('writes scalars as text, lists and objects as JSON, and nothing for absent values', () => {
    const records = [
      { _id: '1', n: 120.5, yes: true, list: ['a', 'b, c'] },
      { _id: '2', z: { a: null }, n: null, 'Name ': ' x' },
    ];
    expect(written(records)).toBe(
      [
        '_id,"Name ",list,n,yes,z\r\n',
        '1,"","[""a"",""b, c""]",120.5,true,""\r\n',
        '2," x","","","","{""a"":null}"\r\n',
      ].join(''),
    );
  });

  it('does not escape formulas: the file is data and must be read back unchanged', () => {
    expect(csvLine(['=cmd|"/C calc"!A0', '+63 917', '@x', '-1'])).toBe('"=cmd|""/C calc""!A0",+63 917,@x,-1\r\n');
  });

  it('writes the columns in one order, regardless of the order of the records', () => {
    expect(orderColumns(['b', '_id', 'a'], ['_id', 'x'])).toEqual(['_id', 'a', 'b']);
  });

  it.each([',', ';', '\t', '|'])(
    'reads back columns whose names are full of what separates cells: %j',
    async (mark) => {
      const records: JsonObject[] = [{ _id: 'a', [mark.repeat(3)]: 'x' }];
      expect(await readBack(written(records))).toEqual(records);
    },
  );

  it('reads back what it wrote, for any text', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r', '\t', ' ', 'é', '😀', '=', "'", '|'),
    });
    const record = fc.dictionary(text, fc.oneof(text, fc.integer().map(String)), { maxKeys: 5 });
    const distinct = (records: readonly JsonObject[]) =>
      records.map((raw, at): JsonObject => ({ ...raw, _id: `id${at}` }));
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }).map(distinct), async (records) => {
        const columns = new Set(records.flatMap((raw) => Object.keys(raw)));
        const filled = records.map((raw) => Object.fromEntries([...columns].map((name) => [name, raw[name] ?? ''])));
        expect(await readBack(written(records))).toEqual(filled);
      }),
      { numRuns: 300 },
    );
  });
});
