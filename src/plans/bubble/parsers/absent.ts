const blank = /^[\s\u200b-\u200d\u2060\ufeff]*$/;

/**
 * Whether a value says nothing. To Bubble a field that is missing, null or empty is the same, a CSV cell knows only
 * empty, and databases on the way leave a literal NULL behind (in capitals: Null is a family name).
 */
export function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string') return value.length < 64 && (value === 'NULL' || blank.test(value));
  return typeof value === 'symbol' || typeof value === 'function';
}
