import type { Json, JsonObject } from '../../plan/json.ts';

/** The fields of a contact, in the order in which they are shown. */
export const contactFields = ['first_name', 'last_name', 'phone', 'company_name'] as const;
export type ContactField = (typeof contactFields)[number];

/** What a booking says of the person who made it; a field that it does not have is null. */
export type Contact = Readonly<Record<ContactField, string | null>> & {
  /** As it was written. */
  readonly email: string | null;
  /** Fields that are there and are no text. */
  readonly unreadable: readonly string[];
};

/** Names of the fields in JSON, compared without case and underscores. */
const names: Readonly<Record<ContactField | 'email', readonly string[]>> = {
  email: ['email', 'emailaddress', 'mail', 'mailaddress'],
  first_name: ['firstname', 'givenname'],
  last_name: ['lastname', 'surname', 'familyname'],
  phone: ['phone', 'phonenumber', 'mobile'],
  company_name: ['company', 'companyname'],
};

/**
 * Reads `contactDetails`: an object, or text that holds one as JSON, encoded once or twice. Undefined when the value is there
 * and is no such thing; null when there is none.
 */
export function readContact(value: Json | undefined): Contact | null | undefined {
  const decoded = decode(value);
  if (decoded === null || decoded === undefined) return decoded;
  const fields = new Map(Object.entries(decoded).map(([name, field]) => [plainName(name), field]));
  const unreadable: string[] = [];
  const read = (field: ContactField | 'email'): string | null => {
    const name = names[field].find((one) => isPresent(fields.get(one)));
    if (name === undefined) return null;
    const text = readText(fields.get(name));
    if (text === undefined) unreadable.push(field);
    return text ?? null;
  };
  const email = read('email');
  const contact = Object.fromEntries(contactFields.map((field) => [field, read(field)]));
  return { ...(contact as Record<ContactField, string | null>), email, unreadable };
}

function decode(value: Json | undefined): JsonObject | null | undefined {
  let decoded: unknown = value;
  for (let layers = 0; typeof decoded === 'string' && layers < 3; layers += 1) {
    if (decoded.trim() === '') return null;
    try {
      decoded = JSON.parse(decoded);
    } catch {
      return undefined;
    }
  }
  if (decoded === null || decoded === undefined) return null;
  return typeof decoded === 'object' && !Array.isArray(decoded) ? (decoded as JsonObject) : undefined;
}

const plainName = (name: string): string =>
  name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[_\s-]/g, '');

const isPresent = (value: Json | undefined): boolean =>
  value !== undefined && value !== null && !(typeof value === 'string' && clean(value) === '');

/** A phone number may be given as a number; other kinds of value are no text. */
function readText(value: Json | undefined): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' ? clean(value) : undefined;
}

// Zero bytes cannot be stored; zero-width characters would make two of one name.
const clean = (text: string): string =>
  text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\0\u200b\u200e\u200f\u2060\ufeff]/g, '')
    .trim();
