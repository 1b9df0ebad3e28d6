/**
 * Sales out of `xendit_raw`. An invoice is a sale, whatever became of it; a transaction that paid it says what that was, and
 * is no sale of its own. What is left of the transactions are refunds, chargebacks, payments without an invoice, attempts,
 * and movements that are no sale at all.
 *
 * Which field of a transaction names its invoice depends on the product used: its payment link, its product id, or, when the
 * invoice is the only one with it, its reference.
 */

/** The invoice of the transaction `t`, as `alias`. */
export const invoiceJoin = (t: string, alias: string): string => `LATERAL (
  SELECT i.* FROM (
    SELECT i.*, 1 AS nearness FROM {schema}.xendit_raw i WHERE i.type = 'INVOICE' AND i.xendit_id IN (${t}.payment_link_id, ${t}.product_id)
    UNION ALL
    SELECT i.*, 2 FROM {schema}.xendit_raw i WHERE i.type = 'INVOICE' AND i.reference_id = ${t}.reference_id
      AND NOT EXISTS (SELECT 1 FROM {schema}.xendit_raw o
        WHERE o.type = 'INVOICE' AND o.reference_id = ${t}.reference_id AND o.xendit_id <> i.xendit_id)
  ) i ORDER BY i.nearness, i.xendit_id = ${t}.payment_link_id DESC LIMIT 1
) ${alias}`;

/** The transaction that paid the invoice `i`, as `alias`: the first that succeeded, or was taken back since. */
const paymentJoin = (i: string, alias: string): string => `LATERAL (
  SELECT p.* FROM {schema}.xendit_raw p
  WHERE p.type = 'PAYMENT' AND p.status IN ('SUCCESS', 'REVERSED', 'VOIDED')
    AND (p.payment_link_id = ${i}.xendit_id OR p.product_id = ${i}.xendit_id OR p.reference_id = ${i}.reference_id)
    AND EXISTS (SELECT 1 FROM ${invoiceJoin('p', 'own')} WHERE own.xendit_id = ${i}.xendit_id)
  ORDER BY p.status <> 'SUCCESS', p.created, p.xendit_id LIMIT 1
) ${alias}`;

/** A row of xendit_raw without what the API said in full; numbers as text, because JSON's are not exact. */
const rowJson = (alias: string): string => `CASE WHEN ${alias}.xendit_id IS NOT NULL THEN
  to_jsonb(${alias}) - ARRAY['id', 'api_response', 'api_synced_at', 'nearness'] || jsonb_build_object('amount', ${alias}.amount::text) END`;

const rawRowsPage = `SELECT * FROM {schema}.xendit_raw
  WHERE xendit_id > $1 AND ($3::text[] IS NULL OR xendit_id = ANY ($3)) ORDER BY xendit_id LIMIT $2`;

/**
 * A page of xendit_raw, each row with its invoice and the payment of that. `more` are further columns, over `r` (the row)
 * and `email` (the payer's address), from the `joins`.
 */
export function salesPageSql(more: string, joins: string): string {
  return `
SELECT r.xendit_id AS key, ${rowJson('r')} AS own, ${rowJson('inv')} AS invoice, ${rowJson('pay')} AS payment${more}
FROM (${rawRowsPage}) r
LEFT JOIN ${invoiceJoin('r', 'inv')} ON r.type <> 'INVOICE'
LEFT JOIN LATERAL (SELECT coalesce(inv.xendit_id, r.xendit_id) AS xendit_id, coalesce(inv.reference_id, r.reference_id) AS reference_id
  WHERE r.type = 'INVOICE' OR inv.xendit_id IS NOT NULL) of_invoice ON true
LEFT JOIN ${paymentJoin('of_invoice', 'pay')} ON of_invoice.xendit_id IS NOT NULL
CROSS JOIN LATERAL (SELECT coalesce(r.payer_email, inv.payer_email) AS email) payer
${joins}
ORDER BY r.xendit_id`;
}
