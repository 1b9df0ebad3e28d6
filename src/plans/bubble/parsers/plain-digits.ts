const spaced = /^\d{1,3}(?:[ '\u2019]\d{3})+(?:[.,]\d+)?$/;
const dotGrouped = /^\d{1,3}(?:\.\d{3})+(?:,\d+)?$/;
const commaGrouped = /^\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?$/;

/**
 * Digits with separators of any country as digits with a point: `1.234,50`, `1,234.50`, `1 234,50` and `1'234.50` are
 * `1234.50`. A lone dot is a decimal point, as in JSON. A lone comma before three digits (`1,234`) groups thousands when the
 * field has fewer decimals than three; otherwise it may be either, and the answer is undefined, as for no number.
 */
export function normalizeSeparators(digits: string, decimals: number): string | undefined {
  if (/^\d+$/.test(digits)) return digits;
  if (/^\d*\.\d+$/.test(digits)) return digits.startsWith('.') ? `0${digits}` : digits;
  if (/^\d+,\d+$/.test(digits)) return loneComma(digits, decimals);
  if (spaced.test(digits)) return digits.replace(/[ '\u2019]/g, '').replace(',', '.');
  if (commaGrouped.test(digits)) return digits.replaceAll(',', '');
  if (dotGrouped.test(digits)) return digits.replaceAll('.', '').replace(',', '.');
  return undefined;
}

function loneComma(digits: string, decimals: number): string | undefined {
  if (!/^[1-9]\d{0,2},\d{3}$/.test(digits)) return digits.replace(',', '.');
  return decimals < 3 ? digits.replace(',', '') : undefined;
}
