import type pg from 'pg';
import type { MoneyColumns, RowViolation, TargetTable } from '../../src/engine/validation/ports.ts';
import { exponentOf } from '../../src/money.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';
import { prepared } from '../sql.ts';
import { joinIdentitySql } from './identity-of.ts';

export interface MoneySum extends Record<string, unknown> {
  readonly currency: string;
  readonly status: string;
  readonly minor: string;
}

// The records of a page with the rows they became. $1 scope, $2 entity, $3 records, $4 exponents where amounts are in major units.
const moneyRowsSql = (place: TargetTable, money: MoneyColumns): string => {
  const [amount, currency] = [`t.${identifier(money.amount)}`, `t.${identifier(money.currency)}`];
  const exponent = `coalesce(($4::json ->> ${currency}::text)::int, 2)`;
  const minor = money.minor ? amount : `${amount} * power(10::numeric, ${exponent})`;
  return `
WITH input AS (SELECT * FROM json_to_recordset($3::json) AS x(s text, t text, a numeric, c text, u text)),
found AS (
  SELECT input.*, coalesce(i.target_id, input.t) AS target_id, t.id, coalesce(${currency}::text, '') AS currency,
    coalesce(t.${identifier(money.status)}::text, '') AS status, trim_scale((${minor})::numeric) AS minor
  FROM input ${joinIdentitySql('input.s')} LEFT JOIN ${qualified(place.schema, place.table)} t ON t.id = coalesce(i.target_id, input.t)::uuid
)`;
};

/** Sums by currency and status of the rows as they are, in minor units; a fraction of a unit stays visible. */
export async function sumMoney(
  pool: pg.Pool,
  place: TargetTable,
  money: MoneyColumns,
  records: string,
): Promise<MoneySum[]> {
  const text = `${moneyRowsSql(place, money)}
SELECT currency, status, trim_scale(coalesce(sum(minor), 0))::text AS minor FROM found WHERE id IS NOT NULL GROUP BY 1, 2`;
  return prepared<MoneySum>(pool, undefined, text, valuesOf(place, money, records));
}

/** The records whose row is gone or holds another amount, currency or status than the source gave. */
export async function findAmountDifferences(
  pool: pg.Pool,
  place: TargetTable,
  money: MoneyColumns,
  records: string,
): Promise<RowViolation[]> {
  const text = `${moneyRowsSql(place, money)}
SELECT s AS "sourceId", target_id AS "targetId", CASE WHEN id IS NULL THEN 'its row is not in the target'
  ELSE 'source ' || a || ' ' || c || ' ' || u || ', target ' || coalesce(minor::text, 'nothing') || ' ' || currency || ' '
    || status || ' (minor units)' END AS detail
FROM found WHERE id IS NULL OR minor IS DISTINCT FROM a OR currency <> c OR status <> u ORDER BY s`;
  return prepared<RowViolation & Record<string, unknown>>(pool, undefined, text, valuesOf(place, money, records));
}

// PostgreSQL refuses a parameter that the statement does not name.
function valuesOf(place: TargetTable, money: MoneyColumns, records: string): unknown[] {
  return [place.scope, place.entity, records, ...(money.minor ? [] : [currencyExponents()])];
}

let exponentsJson: string | undefined;

/** The currencies that do not have two decimals. */
function currencyExponents(): string {
  exponentsJson ??= JSON.stringify(
    Object.fromEntries(
      Intl.supportedValuesOf('currency')
        .map((code) => [code, exponentOf(code)] as const)
        .filter(([, exponent]) => exponent !== 2),
    ),
  );
  return exponentsJson;
}
