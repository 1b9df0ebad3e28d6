import type { KeyStore, StoredKey } from '../../../db/repositories/keys.ts';
import { freshFor } from '../fresh-for.ts';

/** Keys as requests check them. */
export interface KeyCache {
  /** The key when it is neither revoked nor expired. */
  usable(id: string): Promise<StoredKey | undefined>;
  /** Looks anew at the next request: the key was changed here. */
  forget(id: string): void;
}

// A revoked key goes on working this long on other API processes; a hundred clients cost one look-up in it.
const freshMs = 1_000;
const touchEveryMs = 60_000;

export function createKeyCache(keys: KeyStore, onError: (error: unknown) => void): KeyCache {
  const cached = freshFor({ freshMs }, (id: string) => keys.find(id));
  const touched = new Map<string, number>();
  return {
    forget: cached.forget,
    async usable(id) {
      const key = await cached.get(id);
      if (!key || key.revokedAt || (key.expiresAt && key.expiresAt.getTime() <= Date.now())) return undefined;
      if (Date.now() - (touched.get(id) ?? 0) > touchEveryMs) {
        touched.set(id, Date.now());
        // When a key was last used is a courtesy; the request does not wait for it.
        keys.touch(id).catch(onError);
      }
      return key;
    },
  };
}
