import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceRecord } from '../../../src/plan/contract.ts';
import type { Json } from '../../../src/plan/json.ts';
import { createCsvSource } from '../../../src/sources/csv/source.ts';

let directory: string;
let made = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'drover-csv-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const signal = new AbortController().signal;

function file(content: string | Buffer): string {
  const path = join(directory, `${made++}.csv`);
  writeFileSync(path, content);
  return path;
}

function source(content: string | Buffer, options: Partial<Parameters<typeof createCsvSource>[0]> = {}) {
  return createCsvSource({ path: file(content), idColumns: ['unique id', '_id', 'id'], ...options });
}

async function readAll(from: ReturnType<typeof source>, scope = {}, start: Json | null = null) {
  const records: SourceRecord[] = [];
  let cursor: Json | null = start;
  do {
    const page = await from.read(cursor, scope, signal);
    records.push(...page.records);
    cursor = page.cursor;
  } while (cursor !== null);
  return records;
}

const raws = async (content: string | Buffer) => (await readAll(source(content))).map(({ raw }) => raw);

describe('reading', () => {
  it('returns every value as the text of the file', async () => {
    expect(await readAll(source('_id,n,t\n1, 007 ,"a ""b"", c\nd"\n'))).toEqual([
      { sourceId: '1', raw: { _id: '1', n: ' 007 ', t: 'a "b", c\nd' } },
    ]);
  });

  it.each([
    [';', 'id;a,b;c\n1;2;3\n', { id: '1', 'a,b': '2', c: '3' }],
    ['tab', 'id\ta\n1\t2,5\n', { id: '1', a: '2,5' }],
    ['tab, quoted', '"id"\t"a"\r\n"1"\t"2,5"\r\n', { id: '1', a: '2,5' }],
    ['blank lines before it', '\n \t\r\nid;a\n1;2,5\n', { id: '1', a: '2,5' }],
    ['quoted names', '"x;y;z",id\n2,1\n', { 'x;y;z': '2', id: '1' }],
    ['sep=', 'sep=;\nid;a,b,c\n1;2\n', { id: '1', 'a,b,c': '2' }],
    ['BOM', '\ufeff"id","Name "\n"1","x"\n', { id: '1', 'Name ': 'x' }],
  ])('detects the format of the file: %s', async (_name, content, raw) => {
    expect(await raws(content)).toEqual([raw]);
  });

  it('accepts any line endings, even mixed, and skips rows without text', async () => {
    expect(await raws('id,a\n1,2\r\n3,4\r5,"6\n7"\n\r\n,\n8,9')).toEqual([
      { id: '1', a: '2' },
      { id: '3', a: '4' },
      { id: '5', a: '6\n7' },
      { id: '8', a: '9' },
    ]);
  });

  it('has no records in an empty file, in one with only a header, in one with only a byte order mark', async () => {
    for (const content of ['', '\ufeff', '\n\n', 'id,a\n', 'id,a']) {
      expect(await readAll(source(content))).toEqual([]);
      expect(await source(content).count?.({}, signal)).toBe(0);
    }
  });

  it('matches the id column regardless of case and blanks, and returns an empty id as empty', async () => {
    expect(await readAll(source('a, Unique ID \n1, 9 \n2,\n'))).toEqual([
      { sourceId: '9', raw: { a: '1', ' Unique ID ': ' 9 ' } },
      { sourceId: '', raw: { a: '2', ' Unique ID ': '' } },
    ]);
  });

  it('keeps a column named __proto__', async () => {
    const [record] = await raws('id,__proto__\n1,x\n');
    expect(Object.entries(record ?? {})).toEqual([
      ['id', '1'],
      ['__proto__', 'x'],
    ]);
  });
});

describe('refusing', () => {
  it.each([
    ['a short row', 'id,a\n1,2\n"3\n3"\n', /line 4: the row has 1 cells and the header 2/],
    ['a long row', 'id,a\n1,2,3\n', /line 2: the row has 3 cells/],
    ['an open quotation mark', 'id,a\n1,2\n3,"4\n', /line \d: a quotation mark is opened and never closed/],
    ['a stray quotation mark', 'id,a\n1,2\n3,4"5\n', /line 3: a quotation mark is in the middle/],
    ['text after a closing one', 'id,a\n1,"2"3\n', /line 2: there is text after/],
    ['a repeated name', 'id,a,b,a\n', /line 1: more than one column is called "a"/],
    ['two columns without a name', 'id,,\n', /more than one column is called \(no name\)/],
    ['no id column', 'a,b\n1,2\n', /no column holds the record's id \(looked for "unique id", "_id", "id"\)/],
    ['UTF-16', Buffer.from('\ufeffid,a\n', 'utf16le'), /UTF-16/],
    ['a workbook', Buffer.from('PK\u0003\u0004xxxx'), /workbook/],
    ['zero bytes', Buffer.from('i\0d\0'), /zero bytes/],
    ['a zero byte far down', `id,a\n${'1,x\n'.repeat(20_000)}2,\0\n`, /line 20002: .*zero byte/],
    ['another code page', Buffer.from('id,a\n1,x\n2,Zo\xeb\n', 'latin1'), /line 3: .*not UTF-8/],
    ['a cut character', Buffer.from('id,a\n1,é').subarray(0, -1), /line 2: .*not UTF-8/],
  ])('%s', async (_name, content, message) => {
    const refused = source(content).read(null, {}, signal);
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_FILE', message: expect.stringMatching(message) });
  });

  it('reports the fault of the last line before it returns the first record', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => `${i},${'é'.repeat(i % 9)}\n`).join('');
    const broken = source(Buffer.concat([Buffer.from(`id,a\n${rows}`), Buffer.from([0xff, 10])]), { pageSize: 2 });
    await expect(broken.read(null, {}, signal)).rejects.toThrow(/line 60002: .*not UTF-8/);
  });

  it('names the command that creates a missing file', async () => {
    const path = join(directory, 'none.csv');
    const missing = createCsvSource({ path, idColumns: ['id'], createdBy: '`drover export bubble`' });
    await expect(missing.read(null, {}, signal)).rejects.toMatchObject({
      code: 'SOURCE_FILE',
      message: `${path} does not exist; \`drover export bubble\` creates it`,
    });
  });

  it('refuses a path that is a directory', async () => {
    const folder = createCsvSource({ path: directory, idColumns: ['id'] });
    await expect(folder.read(null, {}, signal)).rejects.toMatchObject({ code: 'SOURCE_FILE' });
  });

  it('does not continue with a file that has changed', async () => {
    const path = file('id\n1\n2\n');
    const changing = createCsvSource({ path, idColumns: ['id'], pageSize: 1 });
    const page = await changing.read(null, {}, signal);
    truncateSync(path, 5);
    await expect(changing.read(page.cursor, {}, signal)).rejects.toThrow(/changed while it was read/);
  });
});

describe('cursor', () => {
  const nasty = ['plain', 'é"ü"', 'two\nlines', 'three\r\nlines', '😀😀', '', ' , ', '"'];
  const rows = Array.from({ length: 40 }, (_, i) => [
    String(i),
    nasty[i % nasty.length] ?? '',
    nasty[(i * 3) % 8] ?? '',
  ]);
  const quoted = rows.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`));

  it.each(['\n', '\r\n', '\r'])(
    'resumes from every cursor, in another process as well (line ending %j)',
    async (end) => {
      const text = `\ufeffid,a,b${end}${quoted.map((cells) => cells.join(',')).join(end)}${end}${end}`;
      const path = file(text);
      const options = { path, idColumns: ['id'] };
      const whole = await readAll(createCsvSource(options));
      expect(whole.map(({ raw }) => Object.values(raw))).toEqual(rows);
      for (const pageSize of [1, 7, 40]) {
        let cursor: Json | null = null;
        let seen = 0;
        do {
          const page = await createCsvSource({ ...options, pageSize }).read(cursor, {}, signal);
          seen += page.records.length;
          cursor = page.cursor === null ? null : JSON.parse(JSON.stringify(page.cursor));
          if (cursor !== null) expect(await readAll(createCsvSource(options), {}, cursor)).toEqual(whole.slice(seen));
        } while (cursor !== null);
        expect(seen).toBe(whole.length);
      }
    },
  );

  it.each([{ kind: 'ids', next: 1 }, 'text', { byte: -1, line: 0, row: 0, size: 9 }])(
    'of another source is refused: %j',
    async (cursor) => {
      const source = createCsvSource({ path: file('id,a\n1,2\n'), idColumns: ['id'] });
      await expect(source.read(cursor, {}, signal)).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: 'the stored cursor is not one of the CSV source',
      });
    },
  );

  it('keeps the line number after a seek', async () => {
    const path = file('id,a\n1,"x\ny"\n2,3\n');
    const page = await createCsvSource({ path, idColumns: ['id'], pageSize: 1 }).read(null, {}, signal);
    expect(page.cursor).toEqual({ byte: 13, line: 3, row: 1, size: 17 });
  });
});

describe('scope', () => {
  const text = 'id,at\n1,2024-01-01T00:00:00.000Z\n2,2024-02-01T00:00:00.000Z\n3,\n4,2024-03-01T00:00:00.000Z\n';
  const changedAt = (raw: { readonly [key: string]: Json }) => String(raw.at) || undefined;
  const ids = async (scope: object) => (await readAll(source(text, { changedAt }), scope)).map((r) => r.sourceId);

  it('reads the selected ids', async () => expect(await ids({ ids: ['2', '9'] })).toEqual(['2']));
  it('reads a window, its start included and its end excluded, and records without a date', async () => {
    expect(await ids({ since: '2024-02-01T00:00:00Z', until: '2024-03-01T00:00:00Z' })).toEqual(['2', '3']);
  });
  it('returns the newest change as watermark', async () => {
    expect((await source(text, { changedAt }).read(null, {}, signal)).watermark).toBe('2024-03-01T00:00:00.000Z');
  });
  it('counts the whole file, and returns no count for a part of it', async () => {
    expect(await source(text).count?.({}, signal)).toBe(4);
    expect(await source(text).count?.({ ids: ['1'] }, signal)).toBeUndefined();
  });
});
