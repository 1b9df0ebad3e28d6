import type { ContactDraft } from './contacts.ts';

/** A contact as Systeme.io's API shows it. */
export interface ContactRow {
  readonly id: number;
  readonly email: string;
  readonly registeredAt: string;
  readonly tags: readonly TagRow[];
  readonly [field: string]: unknown;
}

export interface TagRow {
  readonly id: number;
  readonly name: string;
  readonly [field: string]: unknown;
}

/** Every tag there is, numbered in the order of its name. */
export function tagRows(contacts: readonly ContactDraft[]): TagRow[] {
  const names = [...new Set(contacts.flatMap(({ tags }) => tags))].sort();
  return names.map((name, at) => ({ id: at + 1, name }));
}

/** Names are in `fields`, under the slugs `first_name` and, for the last name, `surname`. */
export function contactRow(draft: ContactDraft, tags: ReadonlyMap<string, TagRow>): ContactRow {
  const { person } = draft;
  const fields = [
    { fieldName: 'First name', slug: 'first_name', value: person.first },
    { fieldName: 'Last name', slug: 'surname', value: draft.id % 11 === 0 ? null : person.last },
    { fieldName: 'Phone', slug: 'phone_number', value: person.phone },
  ];
  return {
    id: draft.id,
    email: draft.email,
    registeredAt: new Date(draft.registeredMs).toISOString().replace('.000Z', '+00:00'),
    locale: 'en',
    sourceURL: draft.sourceUrl,
    unsubscribed: draft.unsubscribed,
    bounced: draft.bounced,
    needsConfirmation: draft.needsConfirmation,
    // Some contacts lack the entry altogether, and some have it empty.
    fields: draft.id % 7 === 0 ? fields.slice(0, 2) : fields,
    tags: draft.tags.flatMap((name) => tags.get(name) ?? []),
  };
}
