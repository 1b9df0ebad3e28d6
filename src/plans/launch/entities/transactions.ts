import { toMajor } from '../../../money.ts';
import type {
  Entity,
  PostgresTarget,
  RejectOutcome,
  Source,
  SourceContext,
  TransformOutcome,
} from '../../../plan/contract.ts';
import type { Json, JsonObject } from '../../../plan/json.ts';
import { loadCatalogue, matchProducts } from '../catalogue.ts';
import { parseParams } from '../params.ts';
import {
  fiscalPeriodOf,
  isOwnSale,
  parseSale,
  revenueSign,
  type Sale,
  type SaleStatus,
  salesPageSql,
} from '../sales.ts';
import { targetSource } from '../target-source.ts';
import { createdAtColumn, objectOf, rawMoneyOf, recordSchema, textOf, updatedAtColumn, uuidOf } from '../values.ts';

/** Sales, refunds, chargebacks and manual payments. `revenue_amount` is what each adds to revenue, or takes away. */
export const transactionsTarget = {
  kind: 'postgres',
  table: 'transactions',
  naturalKey: ['xendit_transaction_id'],
  columns: {
    user_id: { type: 'uuid', nullable: true, references: 'users' },
    xendit_transaction_id: { type: 'text', nullable: true, unique: true },
    xendit_invoice_id: { type: 'text', nullable: true, indexed: true },
    product_type: { type: 'text', nullable: true },
    transaction_type: { type: 'text', default: `'unknown'` },
    amount: { type: 'numeric(19,4)' },
    currency: { type: 'text', default: `'PHP'` },
    status: { type: 'text' },
    revenue_amount: { type: 'numeric(19,4)', default: '0' },
    payment_method: { type: 'text', nullable: true },
    external_id: { type: 'text', nullable: true, indexed: true },
    contact_email: { type: 'text', nullable: true, indexed: true },
    description: { type: 'text', nullable: true },
    paid_at: { type: 'timestamptz', nullable: true },
    fiscal_year: { type: 'integer', nullable: true },
    fiscal_quarter: { type: 'integer', nullable: true },
    created_at: createdAtColumn,
    updated_at: updatedAtColumn,
  },
} as const satisfies PostgresTarget;

export const transactionMoney = { amount: 'amount', currency: 'currency', status: 'status' } as const;

function salesSource(context: SourceContext): Source {
  return targetSource(context, async () => {
    const catalogue = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    return [
      {
        text: salesPageSql(
          ', account.id::text AS user_id',
          'LEFT JOIN {schema}.users account ON account.email = payer.email',
        ),
        record: ({ key, ...row }) => {
          if (!isOwnSale(row)) return undefined;
          const products = matchProducts(catalogue, parseSale(row as JsonObject));
          const matched = products.map(({ code, transactionType }) => ({ code, transactionType }));
          return { sourceId: key, raw: { ...row, products: matched } as JsonObject };
        },
      },
    ];
  });
}

/** Every sale in the raw data, whatever became of it. A paid one of no product is a failure by name, never dropped. */
export const transactions = {
  title: 'Transactions',
  dependsOn: ['users'],
  readsAfter: ['users'],
  source: salesSource,
  schema: recordSchema,
  transform: (raw, { params }): TransformOutcome => {
    const sale = parseSale(raw);
    const { status } = sale;
    if (status === undefined)
      return { kind: 'reject', code: 'UNKNOWN_STATUS', field: 'status', message: 'the status is none that is known' };
    if (typeof status !== 'string' && 'unknownType' in status)
      return { kind: 'reject', code: 'UNKNOWN_TYPE', field: 'type', message: 'the type is none that is known' };
    if (typeof status !== 'string') return { kind: 'skip', code: status.skip, message: status.message };
    const fault = rejectionOf(sale, status, matchedProducts(raw.products).length);
    return fault ?? rowOutcomeOf(raw, sale, status, params);
  },
  target: transactionsTarget,
  money: transactionMoney,
  rawMoney: {
    amount: 'amount',
    currency: 'currency',
    // A refund has the payment it gives back beside it, of which it may be a part.
    pick: ({ own, payment }) =>
      objectOf(own).type === 'INVOICE' ? rawMoneyOf(objectOf(payment), objectOf(own)) : rawMoneyOf(objectOf(own)),
  },
} satisfies Entity;

function rejectionOf(sale: Sale, status: SaleStatus, products: number): RejectOutcome | undefined {
  const { minor, currency, amount, unreadable } = sale;
  if (currency === null)
    return {
      kind: 'reject',
      code: 'UNKNOWN_CURRENCY',
      field: 'currency',
      message: unreadable.currency ? 'the currency cannot be read: it is none of ISO 4217' : 'the currency is missing',
    };
  if (amount === null || minor === null)
    return {
      kind: 'reject',
      code: 'BAD_AMOUNT',
      field: 'amount',
      message: amountProblemOf(sale),
    };
  if (sale.paidAt === null)
    return { kind: 'reject', code: 'BAD_DATE', field: 'created', message: 'nothing says when it was' };
  const sign = revenueSign(status);
  if (sign === 0 || products === 1) return undefined;
  const code = products > 1 ? 'AMBIGUOUS_PRODUCT' : sign > 0 ? 'UNMATCHED_PRODUCT' : 'UNMATCHED_REFUND';
  const message = products > 1 ? 'several products of the catalogue match' : 'no product of the catalogue matches';
  const money = { minor: String(minor), currency, status };
  // A payment or refund is named by its invoice.
  return { kind: 'reject', code, field: 'description', message, money, missingDependency: sale.invoiceId === null };
}

function amountProblemOf({ amount, currency, unreadable }: Sale): string {
  if (amount === null) return unreadable.amount ? 'the amount cannot be read' : 'the amount is missing';
  return amount.startsWith('-') ? 'the amount is negative' : `the amount has more decimals than ${currency}`;
}

function rowOutcomeOf(raw: JsonObject, sale: Sale, status: SaleStatus, params: JsonObject): TransformOutcome {
  const [currency, minor, at] = [sale.currency ?? '', sale.minor ?? 0n, sale.paidAt ?? ''];
  const [product] = matchedProducts(raw.products);
  return {
    kind: 'row',
    row: {
      user_id: uuidOf(raw.user_id),
      xendit_transaction_id: sale.transactionId ?? sale.invoiceId,
      xendit_invoice_id: sale.invoiceId,
      product_type: product?.code ?? null,
      transaction_type: product?.transactionType ?? 'Other',
      amount: toMajor(minor, currency),
      currency,
      status,
      revenue_amount: toMajor(BigInt(revenueSign(status)) * minor, currency),
      payment_method: sale.paymentMethod,
      external_id: sale.externalId,
      contact_email: sale.email,
      description: sale.description,
      paid_at: revenueSign(status) === 0 ? null : at,
      ...fiscalPeriodOf(at, parseParams(params)),
      created_at: sale.createdAt ?? at,
    },
    money: { minor: String(minor), currency, status },
  };
}

function matchedProducts(products: Json | undefined): { code: string; transactionType: string }[] {
  return (Array.isArray(products) ? products : []).flatMap((product: Json) => {
    const [code, transactionType] = [textOf(objectOf(product).code), textOf(objectOf(product).transactionType)];
    return code === null || transactionType === null ? [] : [{ code, transactionType }];
  });
}
