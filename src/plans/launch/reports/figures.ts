import { toMinor } from '../../../money.ts';
import type { TargetReader } from '../../../plan/contract.ts';
import { invoiceJoin } from '../sales/sql.ts';

/** One line of a report: what it is about, how many, and how much in minor units. */
export interface FigureLine {
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

export interface Figures {
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
export async function queryFigures(target: TargetReader): Promise<Figures> {
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

type SumRow = Record<string, unknown> & { currency: string; n: number; amount: string };
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
  const names = Object.entries(of).map(([name, value]) => [name, String(value ?? '')]);
  return { of: Object.fromEntries(names), count: n, currency, minor: String(toMinor(amount, currency)) };
}

function toFunnel({ source, leads, attempted, customers }: FunnelRow): Funnel {
  const percent = leads === 0 ? 0 : (customers * 100) / leads;
  return { acquisitionSource: source, leads, attempted, customers, conversionPercent: percent.toFixed(2) };
}
