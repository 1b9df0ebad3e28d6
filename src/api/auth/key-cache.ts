import type { KeyStore, StoredKey } from '../../../db/repositories/keys.ts';
import { createTtlCache } from '../fresh-for.ts';

/** Keys as requests check them. */
export interface KeyCache {
  /** The key when it is neither revoked nor expired. */
  findActive(id: string): Promise<StoredKey | undefined>;
  /** Looks anew at the next request: the key was changed here. */
  invalidate(id: string): void;
}

// A revoked key goes on working this long on other API processes; a hundred clients cost one look-up in it.
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
        // When a key was last used is a courtesy; the request does not wait for it.
        keys.touch(id).catch(onError);
      }
      return key;
    },
  };
}
