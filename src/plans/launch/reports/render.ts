import { toMajor } from '../../../money.ts';
import type { FigureLine, Figures } from './figures.ts';

/** The sections that count money, with the heading each has for people. */
const sections = {
  revenueByProduct: 'Revenue by product (refunds and chargebacks taken off)',
  byStatus: 'Transactions by status',
  revenueByQuarter: 'Revenue by fiscal quarter',
  revenueByAcquisitionSource: 'Revenue by acquisition source',
} as const satisfies Partial<Record<keyof Figures, string>>;

export function renderJson(figures: Figures): string {
  const { unmatched } = figures;
  return `${JSON.stringify({ ...figures, unmatched: { rows: unmatched, totals: totalsOf(unmatched) } }, null, 2)}\n`;
}

/** One table for all: the section, what a line is about, and its numbers. Amounts are in major units. */
export function renderCsv(figures: Figures): string {
  const money = [...(Object.keys(sections) as (keyof typeof sections)[]), 'unmatched' as const].flatMap((section) =>
    figures[section].map(({ of, count, currency, minor }) => [
      section,
      ...padCells(Object.values(of), 3),
      String(count),
      currency,
      toMajor(BigInt(minor), currency),
    ]),
  );
  const counts = [
    ...figures.leadsByClassification.map(({ classification, count }) => [
      'leadsByClassification',
      classification,
      '',
      '',
      String(count),
      '',
      '',
    ]),
    ...figures.funnel.flatMap(({ acquisitionSource: source, leads, attempted, customers }) =>
      Object.entries({ leads, attempted, customers }).map(([step, count]) => [
        'funnel',
        source,
        step,
        '',
        String(count),
        '',
        '',
      ]),
    ),
  ];
  const header = ['section', 'what', 'of', 'more', 'count', 'currency', 'amount'];
  return [header, ...money, ...counts].map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

export function renderText(figures: Figures): string {
  const money = Object.entries(sections).map(([name, title]) =>
    renderTable(title, figures[name as keyof typeof sections].map(moneyCells)),
  );
  const { unmatched, funnel } = figures;
  const lost = totalsOf(unmatched).map(
    ({ currency, count, minor }) => `${count} rows, ${currency} ${toMajor(BigInt(minor), currency)}`,
  );
  return [
    ...money,
    renderTable(
      'Leads by classification',
      figures.leadsByClassification.map(({ classification, count }) => [classification, String(count)]),
    ),
    renderTable('Funnel by acquisition source', [
      ['source', 'leads', 'near', 'customers', '%'],
      ...funnel.map((one) => [
        one.acquisitionSource,
        ...[one.leads, one.attempted, one.customers].map(String),
        one.conversionPercent,
      ]),
    ]),
    renderTable(`Paid, and of no product: ${lost.join('; ') || 'none'}`, unmatched.map(moneyCells)),
  ].join('\n');
}

/** Rows and sum by currency. */
export function totalsOf(lines: readonly FigureLine[]): { currency: string; count: number; minor: string }[] {
  const totals = new Map<string, { count: number; minor: bigint }>();
  for (const { currency, count, minor } of lines) {
    const total = totals.get(currency) ?? { count: 0, minor: 0n };
    totals.set(currency, { count: total.count + count, minor: total.minor + BigInt(minor) });
  }
  return [...totals].map(([currency, { count, minor }]) => ({ currency, count, minor: String(minor) }));
}

function moneyCells({ of, count, currency, minor }: FigureLine): string[] {
  return [...Object.values(of), String(count), currency, toMajor(BigInt(minor), currency)];
}

function renderTable(title: string, rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => alignCell(cell, widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  return `${[title, ...(rows.length > 0 ? lines : ['  none'])].join('\n')}\n`;
}

// Numbers to the right, names to the left.
function alignCell(cell: string, width: number): string {
  return /^-?\d/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
}

function padCells(cells: readonly string[], width: number): string[] {
  return Array.from({ length: width }, (_, at) => cells[at] ?? '');
}

// A description is what somebody typed: no spreadsheet may take it for a formula.
function csvCell(cell: string): string {
  const shown = /^[=+\-@\t\r]/.test(cell) && !/^-\d+(\.\d+)?$/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]|^\s|\s$/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}
