import type { ValidationCheck } from '../../contract/runs.ts';
import type { Json } from '../../plan/json.ts';
import { type Check, createCheck } from './check.ts';
import type { RowViolation, StoredAmount } from './types.ts';

// Raw records are read for this, which are larger than the rows of other checks.
const pageSize = 1_000;

/**
 * Reads the amounts of the raw records a second time and compares them with what the transform made of them, record by record
 * and in sum. It shares no code with the transforms, not even `src/money.ts`: both sides of the check `money` come from one
 * reading, so a misreading agrees with itself there, and disagrees here.
 */
export const checkSecondReading: Check = async ({ deps, run, entity, definition }) => {
  const { rawMoney } = definition;
  if (!rawMoney || run.exportOnly) return [];
  const name = {
    name: 'second-reading',
    entity,
    description: `The amounts of ${entity}, read a second time from the raw records, are those that were taken over`,
  };
  const rows: RowViolation[] = [];
  const sums = new Map<string, { raw: bigint; stored: bigint }>();
  let checked = 0;
  let purged = 0;
  for (let after: string | null = ''; after !== null; ) {
    const page = await deps.ledger.storedAmounts(run.id, entity, rawMoney, after, pageSize);
    for (const record of page.records) {
      const stored = storedMinor(record);
      if (stored === undefined) continue;
      if (record.raw === null) {
        purged += 1;
        continue;
      }
      checked += 1;
      const { amount, currency, unit } = rawMoney.pick(record.raw, { sourceId: record.sourceId, params: run.params });
      const code = currency ?? record.currency ?? '';
      const read = readRawAmount(amount, unit === 'minor' ? 0 : fractionDigits(code));
      const sum = sums.get(code) ?? { raw: 0n, stored: 0n };
      sums.set(code, { raw: sum.raw + (read ?? 0n), stored: sum.stored + stored });
      const problem = describeDisagreement(read, code, stored, record.currency ?? '');
      if (problem !== undefined) rows.push({ sourceId: record.sourceId, targetId: record.targetId, detail: problem });
    }
    after = page.next;
  }
  const differences = [...sums].filter(([, { raw, stored }]) => raw !== stored).sort();
  const description = [
    name.description,
    ...differences.map(([code, { raw, stored }]) => `${code}: raw records ${raw}, taken over ${stored} (minor units)`),
    ...(purged > 0 ? [`PAYLOADS_PURGED: ${purged} of ${checked + purged} could not be read again`] : []),
  ].join('; ');
  const check: ValidationCheck = createCheck({ ...name, description }, checked, rows);
  return [check.ok && purged > 0 ? { ...check, ok: false, severity: 'warning' } : check];
};

function describeDisagreement(
  read: bigint | undefined,
  code: string,
  stored: bigint,
  storedCode: string,
): string | undefined {
  if (read === undefined)
    return `its raw record has no amount that is certain, and ${stored} ${storedCode} was taken over`;
  if (read === stored && code === storedCode) return undefined;
  return `its raw record has ${read} ${code}, and ${stored} ${storedCode} was taken over (minor units)`;
}

/** The amount that was taken over, in minor units; undefined when none was. */
function storedMinor({ minor, major, currency }: StoredAmount): bigint | undefined {
  if (minor !== null) return BigInt(minor);
  if (major === null) return undefined;
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(major) ?? [];
  if (whole === '') return undefined;
  return scaled(whole, fraction, fractionDigits(currency ?? ''), sign === '-');
}

// ISO 4217, written down a second time on purpose.
const noFraction = /^(BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF)$/;
const threeDigits = /^(BHD|IQD|JOD|KWD|LYD|OMR|TND)$/;
const fourDigits = /^(CLF|UYW)$/;

function fractionDigits(currency: string): number {
  if (noFraction.test(currency)) return 0;
  if (threeDigits.test(currency)) return 3;
  return fourDigits.test(currency) ? 4 : 2;
}

const blanks = /[\s\u00a0\u2007\u202f\u200b-\u200d\u2060\ufeff'\u2019]/g;
const oneNumber = /^(\D*?)([.,]?\d[\d.,]*)(?:e([+-]?\d{1,2}))?(\D*)$/i;
const scientificDigits = /^(\d*)\.?(\d*)$/;

/**
 * The one number in a value as minor units of a currency with so many fraction digits. Undefined when there is none, more than
 * one, or one that can be read in two ways: `1.000`, and `1,000` where the currency has three digits.
 */
export function readRawAmount(value: Json | undefined, digits: number): bigint | undefined {
  if (value === null || value === undefined || typeof value === 'object') return undefined;
  const [, before = '', number = '', exponent] = oneNumber.exec(String(value).replace(blanks, '')) ?? [];
  const plain = number.replace(/[.,]$/, '');
  // Scientific notation has no groups of thousands: its dot is a decimal point.
  const [, digitsBefore, digitsAfter] = exponent === undefined ? [] : (scientificDigits.exec(plain) ?? []);
  const isScientific = digitsBefore !== undefined && digitsAfter !== undefined;
  const parts = isScientific ? ([digitsBefore || '0', digitsAfter] as const) : splitNumber(plain, digits);
  if (parts === undefined) return undefined;
  const [whole, fraction] = shifted(parts[0], parts[1], Number(exponent ?? 0));
  return scaled(whole, fraction, digits, /[-\u2212]/.test(before));
}

/** Digits before and after the decimal separator, which is the last one of two kinds, or the only one. */
function splitNumber(number: string, digits: number): readonly [string, string] | undefined {
  const separators = number.replace(/\d/g, '');
  if (number === '' || separators === '') return number === '' ? undefined : [number, ''];
  const last = separators.at(-1) ?? '';
  const at = number.lastIndexOf(last);
  const [whole, fraction] = [number.slice(0, at), number.slice(at + 1)];
  const isMixed = new Set(separators).size === 2;
  if (isMixed) return separators.split(last).length === 2 ? [whole.replace(/\D/g, ''), fraction] : undefined;
  if (separators.length > 1) return [number.replace(/\D/g, ''), ''];
  if (fraction.length !== 3 || !/^[1-9]\d{0,2}$/.test(whole)) return [whole || '0', fraction];
  if (last === ',') return digits < 3 ? [whole + fraction, ''] : undefined;
  return digits < 3 ? undefined : [whole, fraction];
}

function shifted(whole: string, fraction: string, by: number): readonly [string, string] {
  if (by >= 0) return [whole + fraction.slice(0, by).padEnd(by, '0'), fraction.slice(by)];
  const padded = whole.padStart(1 - by, '0');
  return [padded.slice(0, by), padded.slice(by) + fraction];
}

/** Digits as minor units. What floating point leaves behind them (less than a thousandth) is rounded off. */
function scaled(whole: string, fraction: string, digits: number, isNegative: boolean): bigint | undefined {
  const rest = fraction.slice(digits);
  const isUp = rest.startsWith('999');
  if (!isUp && !/^(000.*|0*)$/.test(rest)) return undefined;
  const minor = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0')) + (isUp ? 1n : 0n);
  return isNegative ? -minor : minor;
}
