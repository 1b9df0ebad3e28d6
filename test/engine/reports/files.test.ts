import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, escapeFormula } from '../../../src/csv.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { exportCsv, mappingFile } from '../../../src/engine/reports/exports.ts';
import { errorsCsv, failureGroupKey, remedyOf } from '../../../src/engine/reports/failures.ts';
import { logText } from '../../../src/engine/reports/log.ts';
import type { FailureRow, NoteRow, RunEvent, TryRow } from '../../../src/engine/reports/types.ts';
import { createReportFolder } from '../../../src/engine/reports/write.ts';
import type { Plan } from '../../../src/plan/contract.ts';
import type { JsonObject } from '../../../src/plan/json.ts';

async function whole(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function* pages<T>(...all: readonly (readonly T[])[]): AsyncIterable<readonly T[]> {
  yield* all;
}

const plan = { codes: { BAD_EMAIL: 'Mend the address.' } } as unknown as Plan;
const nasty = fc.stringMatching(/^[=+\-@\t\r\n\0"',; a0＝]*$/);

describe('the error list', () => {
  it('is read back cell by cell, and no cell begins like a formula', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(nasty, fc.string()), { minLength: 2, maxLength: 5 }), (cells) => {
        const [read] = parse(csvLine(cells), { relax_column_count: true }) as string[][];
        expect(read).toEqual(cells.map(escapeFormula));
        for (const cell of read ?? []) expect(cell).toMatch(/^(?![=+@\t\r\n\0＝＋－＠])(?!-(?!\d+(\.\d+)?$))/);
      }),
    );
  });

  it('keeps numbers and escapes formulas', () => {
    expect(['-5', '-5.25', '-5+cmd', '=1', '+63', '@a', '\t', '\0', '-', '5', ''].map(escapeFormula)).toEqual([
      '-5', '-5.25', "'-5+cmd", "'=1", "'+63", "'@a", "'\t", "'\0", "'-", '5', '',
    ]); // biome-ignore format: two rows to compare
  });

  it('names every record with what to do about it', async () => {
    const row: FailureRow = {
      entity: 'users', sourceId: '=1+1', stage: 'transform', status: 'rejected', code: 'BAD_EMAIL', field: 'email',
      message: 'no "@"\nanywhere', attempts: 0, at: new Date(0),
    }; // biome-ignore format: a row of values
    const text = await whole(
      errorsCsv({ troubles: () => pages([row], [{ ...row, code: 'ORPHAN', field: null }]) }, 'r', plan),
    );
    const [head, ...rows] = parse(text) as string[][];
    expect(head?.slice(0, 2)).toEqual(['entity', 'source_id']);
    expect(rows[0]).toEqual([
      'users',
      "'=1+1",
      'transform',
      'rejected',
      'BAD_EMAIL',
      'email',
      'no "@"\nanywhere',
      'Mend the address.',
      '0',
      '1970-01-01T00:00:00.000Z',
    ]);
    expect(rows[1]?.[7]).toBe(remedyOf('ORPHAN', plan));
    expect(text.endsWith('\r\n')).toBe(true);
  });
});

describe('an exported file', () => {
  it('reads back as it was, with every key a column', async () => {
    const raws = fc.array(
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
        fc.string(),
        { minKeys: 1 },
      ),
      { minLength: 1 },
    );
    await fc.assert(
      fc.asyncProperty(raws, async (records) => {
        const text = await whole(
          exportCsv({ raws: () => pages<JsonObject>(records.slice(0, 1), records.slice(1)) }, 'r', 'users'),
        );
        const [header = [], ...rows] = parse(text) as string[][];
        expect(new Set(header)).toEqual(new Set(records.flatMap((record) => Object.keys(record))));
        expect(rows).toEqual(
          records.map((record) => header.map((key) => (Object.hasOwn(record, key) ? record[key] : ''))),
        );
      }),
    );
  });

  it('is empty for an entity without records', async () => {
    expect(await whole(exportCsv({ raws: () => pages<JsonObject>() }, 'r', 'users'))).toBe('');
  });
});

describe('the mapping file', () => {
  it('has every id once; the target takes precedence', async () => {
    const pair = (sourceId: string, targetId: string) => ({ sourceId, targetId });
    const known = new Set(['a', 'b"']);
    const identities = {
      pairs: () => pages([pair('a', '1')], [pair('b"', '2')]),
      known: async (_scope: string, _entity: string, ids: readonly string[]) =>
        new Set(ids.filter((id) => known.has(id))),
    };
    const text = await whole(
      mappingFile(identities, 's', 'users', pages([pair('a', 'other'), pair('__proto__', '1')])),
    );
    expect(Object.entries(JSON.parse(text))).toEqual([
      ['a', '1'],
      ['b"', '2'],
      ['__proto__', '1'],
    ]);
    const none = { pairs: () => pages<never>(), known: async () => new Set<string>() };
    expect(JSON.parse(await whole(mappingFile(none, 's', 'users', pages())))).toEqual({});
  });
});

describe('the log', () => {
  const run = {
    id: 'r1', plan: 'bubble', version: '1', strategy: 'full', dryRun: false, exportOnly: false, status: 'completed', reason: null,
    targetSchema: 'bubble', createdBy: 'ana', createdAt: new Date(0), startedAt: new Date(1_000), finishedAt: new Date(9_000), rolledBackAt: null,
  } as unknown as Run; // biome-ignore format: a row of values
  const tried = (at: number, message: string): TryRow => ({
    at: new Date(at), entity: 'users', sourceId: 'u1', stage: 'load', status: 'pending', code: 'DATABASE_CONFLICT', message, worker: 'w',
  }); // biome-ignore format: a row of values

  it('has events and tries in the order they happened, one per line', async () => {
    const events: RunEvent[] = [{ at: new Date(5_000), level: 'ERROR', text: 'validation is red' }];
    const ledger = {
      events: async () => events,
      notes: () =>
        pages<NoteRow>([
          { at: new Date(3_000), entity: 'users', sourceId: 'u2', notes: ['a value\ndropped', 'merged'] },
        ]),
      tries: () => pages([tried(2_000, 'a\n1970-01-01T00:00:00.000Z INFO faked')], [tried(6_000, 'b')]),
    };
    const lines = (await whole(logText(ledger, run))).trimEnd().split('\n');
    expect(lines.map((line) => line.slice(17, 32))).toEqual([
      '00.000Z INFO   ', '01.000Z INFO   ', '02.000Z WARNING', '05.000Z ERROR  ', '06.000Z WARNING', '09.000Z INFO   ',
      '03.000Z INFO   ', '03.000Z INFO   ',
    ]); // biome-ignore format: a column of times
    expect(lines.at(-2)).toMatch(/ noted of users u2: a value dropped$/);
  });
});

describe('a folder', () => {
  it('writes a file whole or leaves the old one', async () => {
    const path = await mkdtemp(join(tmpdir(), 'drover-'));
    try {
      const folder = createReportFolder(join(path, 'deep', 'er'));
      async function* text() {
        yield 'a'.repeat(100_000);
        yield 'ü';
      }
      expect(await folder.write('file.txt', text(), 'run')).toBe(100_002);
      async function* broken() {
        yield 'half';
        throw new Error('no more');
      }
      await expect(folder.write('file.txt', broken(), 'run')).rejects.toThrow('no more');
      expect((await readFile(join(path, 'deep', 'er', 'file.txt'), 'utf8')).length).toBe(100_001);
      expect(await readdir(join(path, 'deep', 'er'))).toEqual(['file.txt']);
      await writeFile(join(path, 'taken'), '');
      await expect(createReportFolder(join(path, 'taken', 'x')).write('file.txt', text(), 'run')).rejects.toThrow();
    } finally {
      await rm(path, { recursive: true });
    }
  });
});

describe('a failure group', () => {
  it('has a name that depends on its cause alone', () => {
    const cause = { entity: 'users', stage: 'transform', status: 'rejected', code: 'BAD', field: null } as const;
    expect(failureGroupKey(cause)).toMatch(/^[0-9a-f]{12}$/);
    expect(failureGroupKey({ ...cause, count: 5 } as typeof cause)).toBe(failureGroupKey(cause));
    expect(failureGroupKey({ ...cause, field: 'email' })).not.toBe(failureGroupKey(cause));
  });
});
