import type { Json, JsonObject } from '../../../plan/json.ts';
import { emailKey, instantOf, objectOf, storableJson, textOf, textsOf } from '../values.ts';

/** A contact of the API, or a line of the legacy file, as `systemeio_raw` keeps it. */
export function contactRow(raw: JsonObject, sourceId: string): JsonObject {
  const shape = 'Date Registered' in raw || 'Tag' in raw ? contactFromFile(raw) : contactFromApi(raw);
  return { contact_id: sourceId, ...shape, api_response: storableJson(raw) };
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
