import { escapeFormula } from '../../csv.ts';
import { numericToMinor, toMajor } from '../../money.ts';
import type { PlanReport, TargetReader } from '../../plan/contract.ts';
import { invoiceJoin } from './sales.ts';

/** The sections that count money, with the heading each has for people. */
const sections = {
  revenueByProduct: 'Revenue by product (refunds and chargebacks taken off)',
  byStatus: 'Transactions by status',
  revenueByQuarter: 'Revenue by fiscal quarter',
  revenueByAcquisitionSource: 'Revenue by acquisition source',
} as const satisfies Partial<Record<keyof Figures, string>>;

function renderJson(figures: Figures): string {
  const { unmatched } = figures;
  return `${JSON.stringify({ ...figures, unmatched: { rows: unmatched, totals: totalsOf(unmatched) } }, null, 2)}\n`;
}

/** One table for all: the section, what a line is about, and its numbers. Amounts are in major units. */
function renderCsv(figures: Figures): string {
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

function renderText(figures: Figures): string {
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

// A description is typed by people: no spreadsheet may take it for a formula.
function csvCell(cell: string): string {
  const shown = escapeFormula(cell);
  return /[",\r\n]|^\s|\s$/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}

const report = (name: string, mediaType: string, render: (figures: Figures) => string): PlanReport => ({
  name,
  mediaType,
  content: async ({ target }) => render(await queryFigures(target)),
});

/** Revenue and funnel, for programs, spreadsheets and people. */
export const reports = [
  report('launch_report.json', 'application/json', renderJson),
  report('launch_report.csv', 'text/csv; charset=utf-8', renderCsv),
  report('launch_report.txt', 'text/plain; charset=utf-8', renderText),
] as const satisfies readonly PlanReport[];

/** One line of a report: what it is about, how many, and how much in minor units. */
interface FigureLine {
  readonly of: Readonly<Record<string, string>>;
  readonly count: number;
  readonly minor: string;
  readonly currency: string;
}

export interface Funnel {
  readonly acquisitionSource: string;
  readonly leads: number;
  readonly attempted: number;
  readonly customers: number;
  /** Customers of a hundred leads, with two decimals. */
  readonly conversionPercent: string;
}

interface Figures {
  readonly revenueByProduct: readonly FigureLine[];
  readonly byStatus: readonly FigureLine[];
  readonly revenueByQuarter: readonly FigureLine[];
  readonly revenueByAcquisitionSource: readonly FigureLine[];
  readonly leadsByClassification: readonly { readonly classification: string; readonly count: number }[];
  readonly funnel: readonly Funnel[];
  /** Paid sales that make no transaction, because they belong to no product or to several. */
  readonly unmatched: readonly FigureLine[];
}

/** The figures as the target's rows give them at this moment. */
async function queryFigures(target: TargetReader): Promise<Figures> {
  const lines = async (text: string): Promise<FigureLine[]> => (await target.query<SumRow>(text, [])).map(toFigureLine);
  return {
    revenueByProduct: await lines(revenueSql('t.transaction_type AS product')),
    byStatus:
      await lines(`SELECT t.status, t.transaction_type AS product, t.currency, count(*)::int AS n, sum(t.amount)::text AS amount
      FROM {schema}.transactions t GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`),
    revenueByQuarter: await lines(
      revenueSql(`'FY' || t.fiscal_year || '-Q' || t.fiscal_quarter AS quarter, t.transaction_type AS product`),
    ),
    revenueByAcquisitionSource: await lines(
      revenueSql(
        `coalesce(l.acquisition_source, 'Not a contact') AS source, t.transaction_type AS product`,
        'LEFT JOIN {schema}.leads l ON l.email = t.contact_email',
      ),
    ),
    leadsByClassification: await target.query(
      'SELECT classification, count(*)::int AS count FROM {schema}.leads GROUP BY 1 ORDER BY 2 DESC, 1',
      [],
    ),
    funnel: (await target.query<FunnelRow>(funnelSql, [])).map(toFunnel),
    unmatched: await lines(unmatchedSql),
  };
}

type SumRow = Record<string, unknown> & { currency: string | null; n: number; amount: string | null };
type FunnelRow = Record<string, unknown> & { source: string; leads: number; attempted: number; customers: number };

/** What counts, by something: sales less what was given back. The count is that of the sales. */
function revenueSql(by: string, join = ''): string {
  const places = by
    .split(' AS ')
    .slice(1)
    .map((_one, at) => at + 1)
    .join(', ');
  return `SELECT ${by}, t.currency, (count(*) FILTER (WHERE t.revenue_amount > 0))::int AS n, sum(t.revenue_amount)::text AS amount
FROM {schema}.transactions t ${join} WHERE t.revenue_amount <> 0 GROUP BY ${places}, t.currency ORDER BY ${places}, t.currency`;
}

const funnelSql = `SELECT acquisition_source AS source, count(*)::int AS leads,
  (count(*) FILTER (WHERE classification IN ('customer', 'attempted', 'tagged_unpaid')))::int AS attempted,
  (count(*) FILTER (WHERE converted_at IS NOT NULL))::int AS customers
FROM {schema}.leads GROUP BY 1 ORDER BY 2 DESC, 1`;

const unmatchedSql = `SELECT r.xendit_id AS id, coalesce(r.description, '') AS description,
  CASE WHEN r.type = 'INVOICE' THEN r.status ELSE 'PAID' END AS status,
  r.currency, 1 AS n, r.amount::text AS amount
FROM {schema}.xendit_raw r LEFT JOIN ${invoiceJoin('r', 'inv')} ON r.type <> 'INVOICE'
WHERE ((r.type = 'INVOICE' AND r.status IN ('PAID', 'SETTLED')) OR (r.type = 'PAYMENT' AND r.status = 'SUCCESS' AND inv.xendit_id IS NULL))
  AND NOT EXISTS (SELECT 1 FROM {schema}.transactions t WHERE t.xendit_invoice_id = r.xendit_id)
  AND NOT EXISTS (SELECT 1 FROM {schema}.transactions t WHERE t.xendit_transaction_id = r.xendit_id)
ORDER BY r.xendit_id`;

function toFigureLine({ currency, n, amount, ...of }: SumRow): FigureLine {
  const names = Object.fromEntries(Object.entries(of).map(([name, value]) => [name, String(value ?? '')]));
  const minor = minorUnitsOf(amount, currency);
  // A paid sale whose amount or currency cannot be read is in the list of what is not accounted for; it adds nothing to sums.
  const shown = minor === undefined ? { ...names, problem: 'the amount cannot be read' } : names;
  return { of: shown, count: n, currency: currency ?? unknownCurrency, minor: String(minor ?? 0n) };
}

const unknownCurrency = 'unknown';

/** Undefined where no sum can be made of it: a report says so and is never lost for it. */
function minorUnitsOf(amount: string | null, currency: string | null): bigint | undefined {
  try {
    return amount === null ? undefined : numericToMinor(amount, currency ?? unknownCurrency);
  } catch {
    return undefined;
  }
}

function toFunnel({ source, leads, attempted, customers }: FunnelRow): Funnel {
  const percent = leads === 0 ? 0 : (customers * 100) / leads;
  return { acquisitionSource: source, leads, attempted, customers, conversionPercent: percent.toFixed(2) };
}
