import { describe, expect, it } from 'vitest';
import { chunksOf } from '../../src/cli/commands/enqueue.ts';
import {
  createPaint,
  escapeControls,
  escapeControlsDeep,
  escapeControlsInLines,
  formatDuration,
  formatTable,
  parseInstant,
  shouldUseColour,
  toJson,
} from '../../src/cli/format.ts';
import { sumDifference, sumsTable } from '../../src/cli/run-summary.ts';

const plain = createPaint(false);

describe('text from the service', () => {
  it('cannot steer the terminal', () => {
    expect(escapeControls('a\u001b[2Jb\u009b31m\u0007\u007f')).toBe('a\\u001b[2Jb\\u009b31m\\u0007\\u007f');
    expect(escapeControls('line\r\nnext\t')).toBe('line\\r\\nnext\\t');
    expect(escapeControls('abc\u202egnp.exe')).toBe('abc\\u202egnp.exe');
    expect(escapeControls('Zoë 🐎 日本')).toBe('Zoë 🐎 日本');
  });

  it('keeps its lines where it is a document', () => {
    expect(escapeControlsInLines('one\r\ntwo\tthree\rfour\u001b')).toBe('one\ntwo\tthree\\rfour\\u001b');
  });

  it('is made safe in every depth, names of fields included', () => {
    expect(escapeControlsDeep({ 'a\u001b': [{ b: '\u0007', n: 1, none: null }] })).toEqual({
      'a\\u001b': [{ b: '\\u0007', n: 1, none: null }],
    });
  });

  it('stays the same in JSON, without a raw control character', () => {
    const value = { text: 'a\u001b\u009b\u202e\u007f' };
    const json = toJson(value, 0);
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(json)).toEqual(value);
  });
});

describe('tables', () => {
  it('stand in columns, numbers to the right', () => {
    const rows = [
      { name: 'users', n: 5 },
      { name: 'bookings', n: 12000 },
    ];
    const columns = [
      { title: 'entity', value: (row: { name: string }) => row.name },
      { title: 'read', value: (row: { n: number }) => row.n, right: true },
    ];
    expect(formatTable(rows, columns, plain)).toBe('entity     read\nusers         5\nbookings  12000');
  });

  it('are coloured without losing their columns', () => {
    const columns = [{ title: 'state', value: (row: string) => row, tone: () => 'red' as const }];
    expect(formatTable(['bad'], columns, createPaint(true))).toBe('\u001b[2mstate\u001b[22m\n\u001b[31mbad\u001b[39m');
  });

  it('are coloured on a terminal only, and not against NO_COLOR', () => {
    expect(shouldUseColour({ isTTY: true }, { noColour: false })).toBe(true);
    expect(shouldUseColour({ isTTY: true }, { noColour: true })).toBe(false);
    expect(shouldUseColour({}, { noColour: false })).toBe(false);
  });
});

describe('sums', () => {
  const sum = { entity: 'payments', currency: 'USD', status: 'succeeded', source: '0', target: '0', unloaded: '0' };

  it('are printed in major units, exactly, beyond what a number holds', () => {
    const shown = sumsTable([{ ...sum, source: '90071992547409931', target: '90071992547409931' }], plain);
    expect(shown).toContain('900719925474099.31');
    expect(shown).toContain('agrees');
    expect(sumsTable([{ ...sum, currency: 'JPY', source: '1200', target: '1200' }], plain)).toMatch(/ 1200 {2}/);
  });

  it('say by how much they differ', () => {
    const off = { ...sum, source: '1000', target: '900', unloaded: '99' };
    expect(sumDifference(off)).toBe(1n);
    expect(sumsTable([off], plain)).toContain('differs by 0.01');
  });
});

describe('times', () => {
  it('are read as the service wants them', () => {
    expect(parseInstant('2024-01-31')).toBe('2024-01-31T00:00:00.000Z');
    expect(parseInstant('2024-01-31T09:00:00+02:00')).toBe('2024-01-31T07:00:00.000Z');
    for (const wrong of ['yesterday', '2024-02-30', '2024-13-01', '2024-01-31T09:00:00', '1706691600', '']) {
      expect(parseInstant(wrong), wrong).toBeUndefined();
    }
  });

  it('are said as people say them', () => {
    expect([3400, 103_000, 3_723_000].map(formatDuration)).toEqual(['3.4s', '1m 43s', '1h 2m 3s']);
  });
});

describe('pieces', () => {
  it('hold everything once, within both bounds', () => {
    const items = Array.from({ length: 10 }, (_, at) => 'x'.repeat(at));
    const cut = [...chunksOf(items, 3, 20)];
    expect(cut.flat()).toEqual(items);
    expect(Math.max(...cut.map((piece) => piece.length))).toBeLessThanOrEqual(3);
    expect(cut.every((piece) => piece.length === 1 || JSON.stringify(piece).length <= 22)).toBe(true);
  });
});
