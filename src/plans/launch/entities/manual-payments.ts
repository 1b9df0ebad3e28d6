import { emailKey } from '../../../email.ts';
import { toMajor, toMinor } from '../../../money.ts';
import type { Entity, Source, SourceContext, TransformOutcome } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { type Catalogue, loadCatalogue, normalizedText, type Product } from '../catalogue.ts';
import { parseParams } from '../params.ts';
import { peoplePageSql } from '../people.ts';
import { fiscalPeriodOf } from '../sales.ts';
import { type TargetQuery, targetSource } from '../target-source.ts';
import { amountOf, instantOf, objectOf, rawMoneyOf, recordSchema, textOf, uuidOf } from '../values.ts';
import { transactionMoney, transactionsTarget } from './transactions.ts';

// A payment that was assumed in an earlier run and has been found since is in the transactions with both.
const paymentExistsSql = `EXISTS (SELECT 1 FROM {schema}.transactions t WHERE t.contact_email = c.email_key AND t.product_type = $5
  AND t.revenue_amount > 0 AND t.payment_method IS DISTINCT FROM 'manual')`;
const assumedBeforeSql = `EXISTS (SELECT 1 FROM {schema}.transactions t WHERE t.external_id = 'manual:' || c.contact_id || ':' || $5)`;

function manualPaymentsSource(context: SourceContext): Source {
  return targetSource(context, async () => {
    const catalogue = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    return catalogue.products
      .filter(({ manualPayment }) => manualPayment !== undefined)
      .map((product) => targetQueryFor(catalogue, product));
  });
}

function targetQueryFor({ currency }: Catalogue, product: Product): TargetQuery {
  const { code, transactionType, manualPayment, contactTag } = product;
  return {
    text: peoplePageSql(
      `, account.id::text AS user_id, ${paymentExistsSql} AS found`,
      'LEFT JOIN {schema}.users account ON account.email = c.email_key',
      ` AND (NOT ${paymentExistsSql} OR ${assumedBeforeSql})`,
    ),
    values: [[normalizedText(contactTag)], code],
    keyOf: (sourceId) => sourceId.slice(0, sourceId.lastIndexOf(':')),
    record: ({ key, ...row }) => ({
      sourceId: `${key}:${code}`,
      raw: { ...row, product: { code, transactionType, amount: manualPayment ?? null, currency } } as JsonObject,
    }),
  };
}

/** What a contact with the tag of a product must have paid when no payment is found. It counts on the day of registration. */
export const manualPayments = {
  title: 'Manual payments',
  dependsOn: ['users', 'transactions'],
  readsAfter: ['transactions'],
  source: manualPaymentsSource,
  schema: recordSchema,
  transform: (raw, { sourceId, params }): TransformOutcome => {
    const [contact, product] = [objectOf(raw.contact), objectOf(raw.product)];
    const email = emailKey(contact.email);
    const currency = textOf(product.currency);
    const amount = amountOf(product.amount, currency);
    const at = instantOf(contact.created_at);
    if (email === null)
      return { kind: 'reject', code: 'BAD_EMAIL', field: 'email', message: 'the contact has no usable address' };
    if (at === null)
      return {
        kind: 'reject',
        code: 'BAD_DATE',
        field: 'created_at',
        message: 'nothing says when the contact registered',
      };
    if (amount === null || currency === null || amount.startsWith('-')) {
      return { kind: 'reject', code: 'BAD_AMOUNT', field: 'amount', message: 'the catalogue names no amount' };
    }
    const minor = minorUnitsOf(amount, currency);
    if (minor === undefined)
      return {
        kind: 'reject',
        code: 'BAD_AMOUNT',
        field: 'amount',
        message: `the amount has more decimals than ${currency}`,
      };
    const isFound = raw.found === true;
    const status = isFound ? 'SUPERSEDED' : 'PAID';
    return {
      kind: 'row',
      row: {
        user_id: uuidOf(raw.user_id),
        xendit_transaction_id: null,
        xendit_invoice_id: null,
        product_type: textOf(product.code),
        transaction_type: textOf(product.transactionType) ?? 'Other',
        amount: toMajor(minor, currency),
        currency,
        status,
        revenue_amount: isFound ? '0' : toMajor(minor, currency),
        payment_method: 'manual',
        external_id: `manual:${textOf(sourceId) ?? ''}`,
        contact_email: email,
        description: 'Paid by hand: the contact has the tag, and no payment was found',
        paid_at: isFound ? null : at,
        ...fiscalPeriodOf(at, parseParams(params)),
        created_at: at,
      },
      money: { minor: String(minor), currency, status },
    };
  },
  target: transactionsTarget,
  money: transactionMoney,
  rawMoney: { amount: 'amount', currency: 'currency', pick: ({ product }) => rawMoneyOf(objectOf(product)) },
} satisfies Entity;

function minorUnitsOf(amount: string, currency: string): bigint | undefined {
  try {
    return toMinor(amount, currency);
  } catch {
    return undefined;
  }
}
