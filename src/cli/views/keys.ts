import type { KeyView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { table } from '../table.ts';

/** One line a key; of the key itself nobody knows more than its owner. */
export function keysTable(keys: readonly KeyView[], now: Date, paint: Paint): string {
  return table(
    keys,
    [
      { title: 'key', value: (key) => key.id },
      { title: 'name', value: (key) => key.name },
      { title: 'role', value: (key) => key.role },
      { title: 'state', value: (key) => stateOf(key, now), tone: (key) => toneOf(stateOf(key, now)) },
      { title: 'made by', value: (key) => key.createdBy },
      { title: 'made at', value: (key) => key.createdAt },
      { title: 'last used', value: (key) => key.lastUsedAt ?? 'never' },
    ],
    paint,
  );
}

function stateOf(key: KeyView, now: Date): 'valid' | 'revoked' | 'expired' {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now.getTime() ? 'expired' : 'valid';
}

function toneOf(state: string): Tone {
  return state === 'valid' ? 'green' : 'dim';
}
