import { createHash } from 'node:crypto';
import { z } from 'zod';
import { emailKey } from '../../email.ts';
import type { Entity, SourceContext } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { type ContactField, contactFields } from './contact.ts';
import { peopleSource, personId } from './people-source.ts';
import { textOf } from './text.ts';

const contactSchema = z.looseObject({
  at: z.string(),
  booking: z.string(),
  unreadable: z.array(z.string()).optional(),
  ...Object.fromEntries(contactFields.map((field) => [field, z.string().nullable()])),
});

/** A person with all that bookings say, the newest first; or a booking that names no person. */
const personSchema = z.union([
  z.looseObject({ email: z.string(), since: z.string(), contacts: z.array(contactSchema).min(1) }),
  z.looseObject({ booking: z.string(), reason: z.enum(['NO_EMAIL', 'BAD_EMAIL', 'BAD_CONTACT', 'HAS_EMAIL']) }),
]);

interface SaidContact {
  readonly at: string;
  readonly booking: string;
  readonly email: string | null;
  readonly unreadable?: readonly string[];
  readonly fields: Readonly<Record<ContactField, string | null>>;
}

/** A value that another booking has and the user does not get. */
interface Discarded {
  readonly field: ContactField;
  readonly value: string;
  readonly at: string;
  readonly booking: string;
}

interface Person {
  readonly fields: Readonly<Record<ContactField, string | null>>;
  readonly discarded: readonly Discarded[];
}

/**
 * The rule of a merge: of each field the newest booking that has it decides. Every other value is discarded, and named with
 * the newest booking that has it.
 */
export function mergeContacts(contacts: readonly SaidContact[]): Person {
  const discarded: Discarded[] = [];
  const decide = (field: ContactField): string | null => {
    const said = contacts.filter(({ fields }) => fields[field] !== null);
    const taken = said[0]?.fields[field] ?? null;
    const seen = new Set([taken]);
    for (const { fields, at, booking } of said) {
      const value = fields[field];
      if (value === null || seen.has(value)) continue;
      seen.add(value);
      discarded.push({ field, value, at, booking });
    }
    return taken;
  };
  const fields = Object.fromEntries(contactFields.map((field) => [field, decide(field)]));
  return { fields: fields as Record<ContactField, string | null>, discarded };
}

const objectOf = (value: Json): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

function contactsOf(raw: JsonObject): SaidContact[] {
  const said = Array.isArray(raw.contacts) ? (raw.contacts as readonly Json[]) : [];
  return said.map(objectOf).map((contact) => ({
    at: textOf(contact.at) ?? '',
    booking: textOf(contact.booking) ?? '',
    email: textOf(contact.email),
    ...(Array.isArray(contact.unreadable) ? { unreadable: contact.unreadable.map(String) } : {}),
    fields: Object.fromEntries(contactFields.map((field) => [field, textOf(contact[field])])) as Record<
      ContactField,
      string | null
    >,
  }));
}

/**
 * The id of a user: of the address alone, so that the trigger of the bookings table makes the same one in SQL
 * (`drover_user_id`, see the living tables) for a person who books while the migration runs. UUID version 8.
 */
export function userIdOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const messages: Readonly<Record<string, string>> = {
  NO_EMAIL: 'the booking has no e-mail address',
  BAD_EMAIL: 'the e-mail address of the booking cannot be read',
  BAD_CONTACT: 'the contact details of the booking cannot be read as JSON',
};

export const users = {
  title: 'Users',
  dependsOn: [],
  source: (context: SourceContext) => peopleSource(context, { isWanted: () => true, reusesSurvey: false }),
  schema: personSchema,
  transform(raw) {
    if (raw.reason === 'HAS_EMAIL')
      return {
        kind: 'skip',
        code: 'HAS_EMAIL',
        message: 'the booking has a usable address now: the next run takes its user',
      };
    if (typeof raw.reason === 'string') {
      const field = raw.reason === 'BAD_CONTACT' ? 'contact' : 'email';
      return { kind: 'reject', code: raw.reason, field, message: messages[raw.reason] ?? raw.reason };
    }
    const contacts = contactsOf(raw);
    const email = emailKey(raw.email);
    if (email === null || contacts.length === 0)
      return { kind: 'reject', code: 'BAD_EMAIL', field: 'email', message: messages.BAD_EMAIL ?? '' };
    const { fields, discarded } = mergeContacts(contacts);
    const unreadable = [...new Set(contacts.flatMap((contact) => contact.unreadable ?? []))];
    return {
      kind: 'row',
      row: { id: userIdOf(email), email, ...fields, created_at: textOf(raw.since) },
      notes: [
        ...discarded.map(({ field, booking }) => `${field} of booking ${booking} is another one and is kept in a note`),
        ...unreadable.map((field) => `${field} of a booking cannot be read and is left out`),
      ],
    };
  },
  target: {
    kind: 'postgres',
    table: 'users',
    naturalKey: ['email'],
    columns: {
      email: { type: 'text', unique: true, compareAs: 'email' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      company_name: { type: 'text', nullable: true, optional: true },
      created_at: { type: 'timestamptz', nullable: true, default: 'now()' },
    },
  },
} satisfies Entity;

/** What was discarded when bookings of one person were merged. */
export const userNotes = {
  title: 'Notes about users',
  dependsOn: ['users'],
  readsAfter: ['users'],
  source: (context: SourceContext) =>
    peopleSource(context, {
      isWanted: (raw) => 'contacts' in raw && mergeContacts(contactsOf(raw)).discarded.length > 0,
      reusesSurvey: true,
    }),
  schema: personSchema,
  transform(raw) {
    const email = emailKey(raw.email);
    if (email === null) return { kind: 'skip', code: 'NO_USER', message: 'the booking names no user' };
    const { discarded } = mergeContacts(contactsOf(raw));
    if (discarded.length === 0) return { kind: 'skip', code: 'NOTHING_DISCARDED', message: 'all bookings agree' };
    const lines = discarded.map(
      ({ field, value, at, booking }) =>
        `${field.replaceAll('_', ' ')}: ${value} (booking ${booking}${at && `, ${at}`})`,
    );
    return {
      kind: 'row',
      row: {
        kind: 'migration',
        author: 'drover',
        body: ['Other bookings of this person say:', ...lines].join('\n'),
        created_at: discarded[0]?.at || textOf(raw.since),
      },
      references: { user_id: { entity: 'users', sourceId: personId(email) } },
    };
  },
  target: {
    kind: 'postgres',
    table: 'user_notes',
    columns: {
      user_id: { type: 'uuid', references: 'users' },
      kind: { type: 'text', default: "'note'" },
      author: { type: 'text' },
      body: { type: 'text' },
      created_at: { type: 'timestamptz', nullable: true, default: 'now()' },
    },
  },
} satisfies Entity;
