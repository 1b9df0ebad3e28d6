/** Order by code unit, in which ISO dates are in order of time. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
