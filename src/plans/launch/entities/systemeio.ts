import { emailKey } from '../../../email.ts';
import type { Entity } from '../../../plan/contract.ts';
import type { Json, JsonObject } from '../../../plan/json.ts';
import { contactSource } from '../sources.ts';
import {
  instantOf,
  isUnreadableInstant,
  objectOf,
  recordSchema,
  storableJson,
  syncedAtColumn,
  textOf,
  textsOf,
} from '../values.ts';

/** Contacts, as Systeme.io says them: one row a contact, however many have one address. */
export const systemeioRaw = {
  title: 'Systeme.io contacts, as Systeme.io says them',
  dependsOn: [],
  source: contactSource,
  schema: recordSchema,
  transform: (raw, { sourceId }) => {
    const field = isFileLine(raw) ? 'Date Registered' : 'registeredAt';
    if (isUnreadableInstant(raw[field]))
      return { kind: 'reject', code: 'BAD_DATE', field, message: 'the date cannot be read' };
    return { kind: 'row', row: contactRow(raw, sourceId) };
  },
  target: {
    kind: 'postgres',
    table: 'systemeio_raw',
    naturalKey: ['contact_id'],
    columns: {
      contact_id: { type: 'text', unique: true },
      email: { type: 'text', nullable: true },
      email_key: { type: 'text', nullable: true, indexed: true },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      tags: { type: 'text[]' },
      source_url: { type: 'text', nullable: true },
      unsubscribed: { type: 'boolean' },
      bounced: { type: 'boolean' },
      needs_confirmation: { type: 'boolean' },
      created_at: { type: 'timestamptz', nullable: true },
      api_synced_at: syncedAtColumn,
      api_response: { type: 'jsonb' },
    },
  },
} satisfies Entity;

/** A contact of the API, or a line of the legacy file, as `systemeio_raw` keeps it. */
export function contactRow(raw: JsonObject, sourceId: string): JsonObject {
  const shape = isFileLine(raw) ? contactFromFile(raw) : contactFromApi(raw);
  return { contact_id: sourceId, ...shape, api_response: storableJson(raw) };
}

function isFileLine(raw: JsonObject): boolean {
  return 'Date Registered' in raw || 'Tag' in raw;
}

function contactFromApi(raw: JsonObject): JsonObject {
  return {
    email: textOf(raw.email),
    email_key: emailKey(raw.email),
    first_name: fieldOf(raw, 'first_name'),
    last_name: fieldOf(raw, 'surname'),
    phone: fieldOf(raw, 'phone_number'),
    tags: textsOf((Array.isArray(raw.tags) ? raw.tags : []).map((tag: Json) => objectOf(tag).name ?? tag)),
    source_url: textOf(raw.sourceURL),
    unsubscribed: raw.unsubscribed === true,
    bounced: raw.bounced === true,
    needs_confirmation: raw.needsConfirmation === true,
    created_at: instantOf(raw.registeredAt),
  };
}

function contactFromFile(raw: JsonObject): JsonObject {
  return {
    email: textOf(raw.Email),
    email_key: emailKey(raw.Email),
    first_name: textOf(raw['First name']),
    last_name: textOf(raw['Last name']),
    phone: null,
    // Blanks beside the commas are the export's, not the tags'.
    tags: textsOf((textOf(raw.Tag) ?? '').split(',')),
    source_url: null,
    unsubscribed: false,
    bounced: false,
    needs_confirmation: false,
    created_at: instantOf(raw['Date Registered']),
  };
}

/** The value of a field by its slug; a contact may lack the entry, or have it empty. */
function fieldOf(raw: JsonObject, slug: string): string | null {
  const fields = Array.isArray(raw.fields) ? raw.fields : [];
  return textOf(objectOf(fields.find((field: Json) => objectOf(field).slug === slug)).value);
}
