import type { Sums } from '../../../src/sandbox/bubble/data/generate.ts';
import type { Probe } from '../probe.ts';
import { describeItems, type Finding } from './finding.ts';

/** What the target's payments add up to, by currency and status, against what the sandbox knows it gave. */
export async function checkSums(probe: Probe, schema: string, sums: Sums): Promise<Finding> {
  const rows = await probe.query<{ currency: string; status: string; n: number; total: string }>(
    `SELECT currency, status, count(*)::int AS n, sum(amount)::text AS total FROM ${schema}.payments GROUP BY 1, 2`,
  );
  const found = new Set(rows.map((row) => line(row.currency, row.status, row.n, minorOf(row.total, row.currency))));
  const wanted = new Set(sums.reconciled.map((sum) => line(sum.currency, sum.status, sum.count, sum.amount)));
  return {
    lost: 0,
    doubled: 0,
    problems: [
      ...describeItems(
        'sums the source does not have',
        [...found].filter((one) => !wanted.has(one)),
      ),
      ...describeItems(
        'sums the target does not have',
        [...wanted].filter((one) => !found.has(one)),
      ),
    ],
  };
}

const line = (currency: string, status: string, n: number, minor: string): string =>
  `${currency} ${status}: ${minor} in ${n}`;

/** A decimal text in minor units of its currency, without floating point. */
function minorOf(decimal: string, currency: string): string {
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const [whole = '0', fraction = ''] = decimal.split('.');
  return String(BigInt(`${whole}${fraction.padEnd(digits, '0').slice(0, digits)}`));
}
