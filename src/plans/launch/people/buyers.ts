import type { Source, SourceContext } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { type Catalogue, loadCatalogue, type Product } from '../catalogue.ts';
import { acquisitionSource, matchProducts, normalizedText } from '../match.ts';
import { isOwnSale, parseSale, revenueSign } from '../sales/sale.ts';
import { salesPageSql } from '../sales/sql.ts';
import { targetSource } from '../target-source.ts';
import { objectOf, textOf, textsOf } from '../values.ts';
import { accountJoin } from './accounts.ts';
import { peoplePageSql, personJoin } from './sql.ts';

/**
 * Whoever bought something: one record for each sale that is revenue, and one for each person with a product's tag. A record
 * says what its buyer gets; of one person there may be several.
 */
export function buyersSource(context: SourceContext): Source {
  return targetSource(context, async (target) => {
    const catalogue = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    const tags = catalogue.products.flatMap(({ contactTag }) =>
      contactTag === undefined ? [] : [normalizedText(contactTag)],
    );
    const more = ', account.account_id';
    return [
      {
        text: salesPageSql(
          `${more}, person.contact`,
          `LEFT JOIN ${personJoin('payer.email', 'person')} ON true ${await accountJoin(context, target, 'payer.email')}`,
        ),
        record: (row) => buyerOfSale(row, catalogue),
      },
      {
        text: peoplePageSql(more, await accountJoin(context, target, 'c.email_key')),
        values: [tags],
        record: (row) => buyerByTag(row, catalogue),
      },
    ];
  });
}

function buyerOfSale(row: Record<string, unknown>, catalogue: Catalogue) {
  const { own, invoice, payment, contact, account_id: accountId, key } = row as JsonObject;
  const sale = parseSale({ own: own ?? null, invoice: invoice ?? null, payment: payment ?? null });
  if (!isOwnSale(row) || typeof sale.status !== 'string' || revenueSign(sale.status) !== 1) return undefined;
  const matched = matchProducts(catalogue, sale);
  const raw = {
    ...buyerDetails(objectOf(contact), catalogue, matched.length === 1 ? matched : []),
    email: sale.email,
    // A payment without an invoice: who paid may stand in the invoice.
    alone: sale.invoiceId === null,
    name: sale.payerName,
    since: sale.paidAt,
    account_id: accountId ?? null,
  };
  return { sourceId: String(key), raw };
}

function buyerByTag(row: Record<string, unknown>, catalogue: Catalogue) {
  const contact = objectOf(row.contact);
  const own = new Set(textsOf(contact.tags).map(normalizedText));
  const products = catalogue.products.filter(
    ({ contactTag }) => contactTag !== undefined && own.has(normalizedText(contactTag)),
  );
  const raw = {
    ...buyerDetails(contact, catalogue, products),
    email: textOf(contact.email),
    name: null,
    since: textOf(contact.created_at),
    account_id: textOf(row.account_id),
  };
  return { sourceId: String(row.key), raw };
}

function buyerDetails(contact: JsonObject, catalogue: Catalogue, products: readonly Product[]): JsonObject {
  const tags = textsOf(contact.tags);
  return {
    gets: [...new Set(products.flatMap(({ buyerGets }) => buyerGets))].sort(),
    products: products.map(({ code }) => code).sort(),
    contact: Object.keys(contact).length === 0 ? null : contact,
    acquisition_source: acquisitionSource(catalogue, textOf(contact.source_url), tags),
  };
}
