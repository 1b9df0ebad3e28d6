import { emailKey } from '../../../email.ts';
import type { Entity, Source, SourceContext } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { acquisitionSource, loadCatalogue, normalizedText } from '../catalogue.ts';
import { peoplePageSql } from '../people.ts';
import { targetSource } from '../target-source.ts';
import { createdAtColumn, instantOf, objectOf, recordSchema, textOf, textsOf, updatedAtColumn } from '../values.ts';

const purchaseHistoryJoin = `LEFT JOIN LATERAL (
  SELECT min(t.paid_at) FILTER (WHERE t.revenue_amount > 0) AS converted_at, count(*) FILTER (WHERE t.status IN ('EXPIRED', 'UNPAID', 'FAILED')) > 0 AS tried,
    (array_agg(t.product_type ORDER BY t.paid_at, t.id) FILTER (WHERE t.revenue_amount > 0))[1] AS first_product
  FROM {schema}.transactions t WHERE t.contact_email = c.email_key
) history ON true`;

function leadsSource(context: SourceContext): Source {
  return targetSource(context, async () => {
    const catalogue = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    const productTags = catalogue.products.flatMap(({ contactTag }) =>
      contactTag === undefined ? [] : [normalizedText(contactTag)],
    );
    return [
      {
        text: peoplePageSql(', to_jsonb(history) AS history', purchaseHistoryJoin),
        values: [null],
        record: ({ key, ...row }) => {
          const contact = objectOf(row.contact);
          const tags = textsOf(contact.tags);
          const source = acquisitionSource(catalogue, textOf(contact.source_url), tags);
          const isTagged = tags.some((tag) => productTags.includes(normalizedText(tag)));
          return { sourceId: key, raw: { ...row, acquisition_source: source, tagged: isTagged } as JsonObject };
        },
      },
    ];
  });
}

/** Every person Systeme.io knows: who became a customer, when and with what; and of the others, how near they came. */
export const leads = {
  title: 'Leads',
  dependsOn: ['transactions', 'manual_payments'],
  readsAfter: ['transactions', 'manual_payments'],
  source: leadsSource,
  schema: recordSchema,
  transform: (raw) => {
    const [contact, past] = [objectOf(raw.contact), objectOf(raw.history)];
    const email = emailKey(contact.email);
    if (email === null)
      return { kind: 'reject', code: 'BAD_EMAIL', field: 'email', message: 'the contact has no usable address' };
    const convertedAt = instantOf(past.converted_at);
    return {
      kind: 'row',
      row: {
        email,
        first_name: textOf(contact.first_name),
        last_name: textOf(contact.last_name),
        phone: textOf(contact.phone),
        tags: textsOf(contact.tags),
        systemeio_ids: textsOf(contact.contact_ids),
        classification: classificationOf(raw, contact, past, convertedAt !== null),
        acquisition_source: textOf(raw.acquisition_source) ?? 'Unknown',
        may_be_mailed: contact.unsubscribed !== true && contact.bounced !== true,
        converted_at: convertedAt,
        first_product: textOf(past.first_product),
        registered_at: instantOf(contact.created_at),
      },
    };
  },
  target: {
    kind: 'postgres',
    table: 'leads',
    naturalKey: ['email'],
    columns: {
      email: { type: 'text', unique: true, compareAs: 'email' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      tags: { type: 'text[]' },
      systemeio_ids: { type: 'text[]' },
      classification: { type: 'text' },
      acquisition_source: { type: 'text' },
      may_be_mailed: { type: 'boolean', keepExisting: true },
      converted_at: { type: 'timestamptz', nullable: true },
      first_product: { type: 'text', nullable: true },
      registered_at: { type: 'timestamptz', nullable: true },
      created_at: createdAtColumn,
      updated_at: updatedAtColumn,
    },
  },
} satisfies Entity;

/** The first of these that is true, from the nearest to the farthest. */
function classificationOf(raw: JsonObject, contact: JsonObject, past: JsonObject, isCustomer: boolean): string {
  if (isCustomer) return 'customer';
  if (raw.tagged === true) return 'tagged_unpaid';
  if (past.tried === true) return 'attempted';
  if (contact.unsubscribed === true || contact.bounced === true) return 'unreachable';
  return contact.needs_confirmation === true ? 'unconfirmed' : 'prospect';
}
