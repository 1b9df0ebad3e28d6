import { emailSpellings } from '../../email.ts';
import { DroverError } from '../../errors.ts';
import type { Source, SourceContext, TargetReader } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { emailKeySql } from '../../plan/sql.ts';
import {
  acquisitionSource,
  type Catalogue,
  loadCatalogue,
  matchProducts,
  normalizedText,
  type Product,
} from './catalogue.ts';
import { parseParams } from './params.ts';
import { isOwnSale, parseSale, revenueSign, salesPageSql } from './sales.ts';
import { type KeyedRow, targetSource } from './target-source.ts';
import { objectOf, textOf, textsOf } from './values.ts';

/**
 * Buyers: one record for each sale that is revenue, and one for each person with a product's tag. A record
 * says what its buyer gets; of one person there may be several.
 */
export function buyersSource(context: SourceContext): Source {
  return targetSource(context, async (target) => {
    const catalogue = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    const tags = catalogue.products.flatMap(({ contactTag }) =>
      contactTag === undefined ? [] : [normalizedText(contactTag)],
    );
    const accounts = await accountsTable(context, target);
    const complete = (rows: readonly KeyedRow[]) => withAccountsOfLetterDomains(rows, target, accounts);
    return [
      {
        text: salesPageSql(
          `, account.account_id, payer.email AS account_email, person.contact`,
          `LEFT JOIN ${personJoin('payer.email', 'person')} ON true ${accountJoin(accounts, 'payer.email')}`,
        ),
        complete,
        record: (row) => buyerOfSale(row, catalogue),
      },
      {
        text: peoplePageSql(', account.account_id, c.email_key AS account_email', accountJoin(accounts, 'c.email_key')),
        values: [tags],
        complete,
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

/**
 * The table of existing accounts: the one the run names, or auth.users where there is one. Undefined when there are none to keep.
 * @throws DroverError CONFIGURATION when the run names a table that is not there.
 */
async function accountsTable(context: SourceContext, target: TargetReader): Promise<string | undefined> {
  const named = parseParams(context.params).authUsers;
  const table = named ?? 'auth.users';
  const [found] = await target.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
  if (found?.there === true) return table;
  if (named === undefined) return undefined;
  throw new DroverError('CONFIGURATION', `the target database has no table ${named} (parameter authUsers)`);
}

/** Existing accounts, as a join that gives `account_id` for an address whose domain is ASCII in both places. */
function accountJoin(table: string | undefined, email: string): string {
  if (table === undefined) return 'CROSS JOIN LATERAL (SELECT NULL::text AS account_id) account';
  return `LEFT JOIN LATERAL (${accountOf(table, `= ${email}`)}) account ON true`;
}

// The oldest, when several accounts have the address.
const accountOf = (table: string, isSought: string): string =>
  `SELECT a.id::text AS account_id FROM ${table} a WHERE ${emailKeySql('a.email')} ${isSought} ORDER BY a.created_at, a.id LIMIT 1`;

/**
 * The rows with the accounts of addresses whose domain has letters beyond ASCII (`xn--bcher-kva.example`): an account may have it
 * as `bücher.example`, and SQL cannot make the one of the other.
 */
async function withAccountsOfLetterDomains(
  rows: readonly KeyedRow[],
  target: TargetReader,
  table: string | undefined,
): Promise<readonly KeyedRow[]> {
  const spelled = rows.flatMap(({ account_email: key }) => {
    const spellings = table === undefined ? [] : emailSpellings(key);
    return spellings.length > 1 ? spellings.map((spelling) => ({ key, spelling })) : [];
  });
  if (table === undefined || spelled.length === 0) return rows;
  const found = await target.query<{ key: string; account_id: string }>(
    `SELECT s.key, account.account_id FROM (
      SELECT x.key, array_agg(${emailKeySql('x.spelling')}) AS keys FROM json_to_recordset($1::json) AS x(key text, spelling text)
      GROUP BY x.key
    ) s CROSS JOIN LATERAL (${accountOf(table, '= ANY (s.keys)')}) account`,
    [JSON.stringify(spelled)],
  );
  const accounts = new Map(found.map(({ key, account_id: account }) => [key, account]));
  return rows.map((row) => {
    const account = accounts.get(String(row.account_email));
    return account === undefined ? row : { ...row, account_id: account };
  });
}

/**
 * People out of `systemeio_raw`: contacts with one address are one person, known by the contact that registered first.
 */
const registrationOrder = (alias: string): string => `(coalesce(${alias}.created_at, 'infinity'), ${alias}.contact_id)`;

/** What all contacts of `c`'s address say together; of one without a usable address, what it says itself. */
const mergedContacts = (c: string, alias: string): string => `LATERAL (
  SELECT array_agg(DISTINCT t.tag) FILTER (WHERE t.tag IS NOT NULL) AS tags, array_agg(DISTINCT o.contact_id) AS contact_ids,
    bool_or(o.unsubscribed) AS unsubscribed, bool_and(o.bounced) AS bounced, bool_and(o.needs_confirmation) AS needs_confirmation,
    (array_agg(o.source_url ORDER BY o.created_at, o.contact_id) FILTER (WHERE o.source_url IS NOT NULL))[1] AS source_url
  FROM {schema}.systemeio_raw o LEFT JOIN LATERAL unnest(o.tags) AS t(tag) ON true
  WHERE o.contact_id = ${c}.contact_id OR o.email_key = ${c}.email_key
) ${alias}`;

const contactJson = (
  c: string,
  all: string,
): string => `jsonb_build_object('contact_id', ${c}.contact_id, 'email', ${c}.email_key,
  'first_name', ${c}.first_name, 'last_name', ${c}.last_name, 'phone', ${c}.phone, 'created_at', ${c}.created_at,
  'tags', coalesce(to_jsonb(${all}.tags), '[]'), 'contact_ids', to_jsonb(${all}.contact_ids), 'source_url', ${all}.source_url,
  'unsubscribed', ${all}.unsubscribed, 'bounced', ${all}.bounced, 'needs_confirmation', ${all}.needs_confirmation)`;

/** The person of an address, as `alias.contact`; no row when there is none. */
const personJoin = (email: string, alias: string): string => `LATERAL (
  SELECT ${contactJson('c', 'every')} AS contact FROM (
    SELECT * FROM {schema}.systemeio_raw c WHERE c.email_key = ${email} ORDER BY coalesce(c.created_at, 'infinity'), c.contact_id LIMIT 1
  ) c CROSS JOIN ${mergedContacts('c', 'every')}
) ${alias}`;

/**
 * A page of people; `more` are further columns and `joins` where they come from, over `c` (the first contact) and `every` (all
 * of the address). `$4`: only people with one of these tags, in lower case; null for all.
 */
export function peoplePageSql(more = '', joins = '', where = ''): string {
  return `
SELECT c.contact_id AS key, ${contactJson('c', 'every')} AS contact${more}
FROM (
  SELECT * FROM {schema}.systemeio_raw c
  WHERE c.contact_id > $1 AND ($3::text[] IS NULL OR c.contact_id = ANY ($3))
    AND NOT EXISTS (SELECT 1 FROM {schema}.systemeio_raw o WHERE o.email_key = c.email_key AND ${registrationOrder('o')} < ${registrationOrder('c')})
    AND ($4::text[] IS NULL OR EXISTS (
      SELECT 1 FROM {schema}.systemeio_raw o, unnest(o.tags) AS t(tag)
      WHERE (o.contact_id = c.contact_id OR o.email_key = c.email_key) AND lower(t.tag) = ANY ($4)))${where}
  ORDER BY c.contact_id LIMIT $2
) c
CROSS JOIN ${mergedContacts('c', 'every')}
${joins}
ORDER BY c.contact_id`;
}
