import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A key as its owner holds it, `id.secret`. */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

/** The id of a key that was given without one. */
const defaultKeyId = 'admin';

/** Reads `id.secret`. A text without a usable id is the secret of the key `admin`. */
export function parseToken(text: string): Token {
  const [, id, secret] = /^([A-Za-z0-9_-]{1,64})\.(.+)$/.exec(text) ?? [];
  return id && secret ? { id, secret } : { id: defaultKeyId, secret: text };
}

export function formatToken(token: Token): string {
  return `${token.id}.${token.secret}`;
}

/** A new key with 256 bits of secret. */
export function generateToken(): Token {
  return { id: `dk_${randomBytes(8).toString('hex')}`, secret: randomBytes(32).toString('base64url') };
}

/** SHA-256 as hex. The secret is random, so it needs no slow hash. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in a time that does not tell where the difference is. */
export function matchesHash(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex');
  const wanted = Buffer.from(hash, 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
