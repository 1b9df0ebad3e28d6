import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeyStore, NewKey, StoredKey } from '../../../db/stores/keys.ts';
import { createTtlCache } from '../ttl-cache.ts';

/** A key in plain form, `id.secret`. */
interface Token {
  readonly id: string;
  readonly secret: string;
}

/** The id of a key that is given as a bare secret. */
const defaultKeyId = 'admin';

/** Parses `id.secret`. A text without a valid id is the secret of the key `admin`. */
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

/** Compares in constant time. */
export function matchesHash(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), 'hex');
  const wanted = Buffer.from(hash, 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Keys as requests look them up. */
export interface KeyCache {
  /** The key when it is neither revoked nor expired. */
  findActive(id: string): Promise<StoredKey | undefined>;
  /** Drops the cached key after a change in this process; the next request reads it again. */
  invalidate(id: string): void;
}

// A revoked key keeps working for at most this long on other API processes; requests within it share one look-up.
const ttlMs = 1_000;
const touchIntervalMs = 60_000;

export function createKeyCache(keys: KeyStore, onError: (error: unknown) => void): KeyCache {
  const cached = createTtlCache({ ttlMs }, (id: string) => keys.find(id));
  const touched = new Map<string, number>();
  return {
    invalidate: cached.invalidate,
    async findActive(id) {
      const key = await cached.get(id);
      if (!key || key.revokedAt || (key.expiresAt && key.expiresAt.getTime() <= Date.now())) return undefined;
      if (Date.now() - (touched.get(id) ?? 0) > touchIntervalMs) {
        touched.set(id, Date.now());
        // The time of last use is informative only; the request does not wait for it.
        keys.touch(id).catch(onError);
      }
      return key;
    },
  };
}

export type FirstKey =
  /** Created here; the only place that knows the secret. */
  | { readonly kind: 'made'; readonly key: string }
  /** The key of DROVER_ADMIN_KEY, and what was changed for it. */
  | { readonly kind: 'given'; readonly id: string; readonly result: Awaited<ReturnType<KeyStore['ensure']>> }
  | { readonly kind: 'there already' };

/**
 * Ensures that an admin key exists. With DROVER_ADMIN_KEY that key is created or given the new secret, at the first start or,
 * after a key was lost, at a later one. Without it a key is created when no usable admin key exists. Of many processes that
 * start at once, one creates it.
 */
export async function ensureAdminKey(keys: KeyStore, adminKey: string | undefined): Promise<FirstKey> {
  if (adminKey !== undefined) {
    const token = parseToken(adminKey);
    const note = auditNote(token, 'from DROVER_ADMIN_KEY');
    return { kind: 'given', id: token.id, result: await keys.ensure(newAdminKey(token, 'DROVER_ADMIN_KEY'), note) };
  }
  const token = generateToken();
  const made = await keys.createFirst(newAdminKey(token, 'first admin key'), auditNote(token, 'first start'));
  return made ? { kind: 'made', key: formatToken(token) } : { kind: 'there already' };
}

function newAdminKey(token: Token, name: string): NewKey {
  const { id, secret } = token;
  return { id, name, role: 'admin', secretHash: hashSecret(secret), createdBy: 'system', expiresAt: null };
}

function auditNote({ id }: Token, reason: string) {
  return { actor: 'system', role: 'admin', action: 'key.create', subject: `key:${id}`, reason };
}
