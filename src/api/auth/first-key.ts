import type { KeyStore, NewKey } from '../../../db/repositories/keys.ts';
import { formatToken, generateToken, hashSecret, parseToken, type Token } from './tokens.ts';

export type FirstKey =
  /** Made here, and shown nowhere else. */
  | { readonly kind: 'made'; readonly key: string }
  /** What DROVER_ADMIN_KEY says, and what had to be done for it. */
  | { readonly kind: 'given'; readonly id: string; readonly result: Awaited<ReturnType<KeyStore['ensure']>> }
  | { readonly kind: 'there already' };

/**
 * Sees to it that somebody can get in. With DROVER_ADMIN_KEY that key works, from the first start on or, for an
 * operator who lost his, from a later one; without it a key is made when there is none. Of many processes that start
 * at once, one makes it.
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
