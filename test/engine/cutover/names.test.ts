import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupSchema, shortenName, temporaryName } from '../../../src/engine/cutover/names.ts';
import { literal } from '../../../src/plan/sql.ts';

describe('names', () => {
  it('never exceed 63 bytes, and stay apart when cut', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 40, maxLength: 90, unit: 'grapheme' }), (name) => {
        expect(Buffer.byteLength(shortenName(name, '_end'))).toBeLessThanOrEqual(63);
        expect(shortenName(`${name}a`.repeat(2), '_1')).not.toBe(shortenName(`${name}b`.repeat(2), '_1'));
      }),
    );
  });

  it('keep the stamp of a backup whole', () => {
    const stamp = '2026_01_31_09_30_00_123';
    expect(backupSchema('public', stamp)).toBe(`public_backup_${stamp}`);
    expect(backupSchema('x'.repeat(63), stamp)).toMatch(new RegExp(`_backup_${stamp}$`));
  });

  it('are the same again for the same object', () => {
    expect(temporaryName('a', 'b')).toBe(temporaryName('a', 'b'));
    expect(temporaryName('a', 'b')).not.toBe(temporaryName('ab'));
  });

  it('are quoted as constants whatever they hold', () => {
    expect(literal("it's")).toBe("'it''s'");
    expect(literal("a\\'b")).toBe("E'a\\\\''b'");
  });
});
