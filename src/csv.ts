// Characters that make a spreadsheet evaluate a cell (OWASP ASVS 1.2.10), with their full-width forms.
const formulaStart = /^[=+\-@\t\r\n\0＝＋－＠]/;
const negativeNumber = /^-\d+(\.\d+)?$/;

/** A line of RFC 4180 without cells that a spreadsheet evaluates as formulas. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => quoteCell(escapeFormula(cell))).join(',')}\r\n`;
}

/** The cell, prefixed so that a spreadsheet shows it as text instead of evaluating it; a negative number is unchanged. */
export function escapeFormula(cell: string): string {
  return formulaStart.test(cell) && !negativeNumber.test(cell) ? `'${cell}` : cell;
}

// A blank at either end is quoted too, because some readers trim unquoted cells.
function quoteCell(cell: string): string {
  return /[",;\t\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
