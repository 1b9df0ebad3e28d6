import { emailKey } from '../../../email.ts';
import type { Entity, RejectOutcome } from '../../../plan/contract.ts';
import type { Json, JsonObject } from '../../../plan/json.ts';
import { contactSource } from '../sources.ts';
import {
  flagOf,
  instantOf,
  isPresent,
  isUnreadableInstant,
  objectOf,
  recordSchema,
  storableJson,
  syncedAtColumn,
  textOf,
  textsOf,
  unreadableTextNotes,
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
    return unreadableContact(raw) ?? { kind: 'row', row: contactRow(raw, sourceId), notes: unreadableNotes(raw) };
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

const flags = ['unsubscribed', 'bounced', 'needsConfirmation'] as const;

/**
 * Refuses a contact of which is not known whether it may be mailed, or what it bought: read as no, or as no tags, a person
 * who objected would be mailed, and one who paid would get nothing.
 */
function unreadableContact(raw: JsonObject): RejectOutcome | undefined {
  if (isFileLine(raw)) return undefined;
  const flag = flags.find((name) => flagOf(raw[name]) === undefined);
  if (flag !== undefined)
    return {
      kind: 'reject',
      code: 'BAD_FLAG',
      field: flag,
      message: 'the value cannot be read: it is neither yes nor no',
    };
  const isList =
    !isPresent(raw.tags) ||
    (Array.isArray(raw.tags) && raw.tags.map(tagNameOf).every((name) => !isPresent(name) || textOf(name) !== null));
  return isList ? undefined : { kind: 'reject', code: 'BAD_TAGS', field: 'tags', message: 'the tags cannot be read' };
}

const tagNameOf = (tag: Json): Json => objectOf(tag).name ?? tag;

function unreadableNotes(raw: JsonObject): string[] {
  const email = isFileLine(raw) ? raw.Email : raw.email;
  const { sourceURL, fields } = raw;
  const values = Object.fromEntries(
    (Array.isArray(fields) ? fields : []).map((field: Json) => [
      textOf(objectOf(field).slug) ?? 'field',
      objectOf(field).value,
    ]),
  );
  const { first_name, surname, phone_number } = values;
  return [
    ...(isPresent(email) && emailKey(email) === null ? ['BAD_EMAIL: email cannot be read'] : []),
    ...unreadableTextNotes({ sourceURL, first_name, surname, phone_number }),
    ...(isPresent(fields) && !Array.isArray(fields) ? ['BAD_TEXT: fields cannot be read'] : []),
  ];
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
    tags: textsOf((Array.isArray(raw.tags) ? raw.tags : []).map(tagNameOf)),
    source_url: textOf(raw.sourceURL),
    unsubscribed: flagOf(raw.unsubscribed) === true,
    bounced: flagOf(raw.bounced) === true,
    needs_confirmation: flagOf(raw.needsConfirmation) === true,
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
