import type { JsonObject } from '../../plan/json.ts';
import { isAbsent } from './picker.ts';

/** What a user's password becomes: columns of the row, or the plain text for `enrich` to hash. */
export type PasswordOutcome =
  | {
      readonly columns: { readonly password_hash: string; readonly password_reset_required: boolean };
      readonly note?: string;
    }
  | { readonly columns: { readonly password_reset_required: false }; readonly enrich: { readonly password: string } };

/** No bcrypt hash begins so; whatever is typed, no comparison with it succeeds. */
export const unusableHash = '!drover:no-password';

// bcrypt looks at the first 72 bytes and at nothing after a zero byte: what it hashed would not be the password.
const maxBytes = 72;

const bcrypt = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

// Hashes of other kinds. To hash one again would lock its owner out without a sign of it.
const otherHashFormats = [
  /^\$(?:argon2|scrypt|pbkdf2|2[abxy]?\$|[156]\$|apr1\$|md5|sha|7\$|y\$)/i,
  /^(?:pbkdf2|bcrypt|argon2|scrypt|sha\d*|md5|md4|crypt|unsalted)[\w-]*\$/i,
  /^\{(?:SSHA|SHA|SMD5|MD5|CRYPT|PBKDF2|BCRYPT|ARGON2)[\w-]*\}/i,
  /^\*[0-9A-F]{40}$/,
  /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i,
];

/** A bcrypt hash is kept; a plain password is hashed; in every other case the user has to set a new one. */
export function passwordOutcome(password: string | null): PasswordOutcome {
  if (password === null || isAbsent(password)) return requireReset();
  const trimmed = password.trim();
  if (bcrypt.test(trimmed)) return { columns: { password_hash: trimmed, password_reset_required: false } };
  if (otherHashFormats.some((pattern) => pattern.test(trimmed))) {
    return requireReset(
      'is a hash of another kind than bcrypt and was not carried over; the user has to set a new password',
    );
  }
  if (Buffer.byteLength(password) > maxBytes || password.includes('\0')) {
    return requireReset('is longer than bcrypt can hash and was not carried over; the user has to set a new password');
  }
  return { columns: { password_reset_required: false }, enrich: { password } };
}

/** Puts the hash of a plain password in its place. */
export async function withHashedPassword(
  row: JsonObject,
  secret: JsonObject,
  hashPassword: (plain: string) => Promise<string>,
): Promise<JsonObject> {
  return { ...row, password_hash: await hashPassword(String(secret.password)) };
}

function requireReset(note?: string): PasswordOutcome {
  const columns = { password_hash: unusableHash, password_reset_required: true };
  return note === undefined ? { columns } : { columns, note: `password: ${note}` };
}
