// What makes a spreadsheet run a cell instead of showing it (OWASP's list, ASVS 1.2.10), the full-width forms with it.
const formulaStart = /^[=+\-@\t\r\n\0＝＋－＠]/;
const negativeNumber = /^-\d+(\.\d+)?$/;

/** A line of RFC 4180 that no spreadsheet takes for a formula. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoteCell(escapeFormula(cell))).join(',')}\r\n`;
}

/** The cell, shown as text where it would be run; a negative number stays one. */
export function escapeFormula(cell: string): string {
  return formulaStart.test(cell) && !negativeNumber.test(cell) ? `'${cell}` : cell;
}

// A blank at either end is quoted too: some readers trim what is not.
function quoteCell(cell: string): string {
  return /[",;\t\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
