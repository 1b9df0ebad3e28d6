import type { KeyView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { formatTable } from '../table.ts';

/** One line a key; of the key itself nobody knows more than its owner. */
export function keysTable(keys: readonly KeyView[], now: Date, paint: Paint): string {
  return formatTable(
    keys,
    [
      { title: 'key', value: (key) => key.id },
      { title: 'name', value: (key) => key.name },
      { title: 'role', value: (key) => key.role },
      { title: 'state', value: (key) => keyState(key, now), tone: (key) => keyStateTone(keyState(key, now)) },
      { title: 'made by', value: (key) => key.createdBy },
      { title: 'made at', value: (key) => key.createdAt },
      { title: 'last used', value: (key) => key.lastUsedAt ?? 'never' },
    ],
    paint,
  );
}

function keyState(key: KeyView, now: Date): 'valid' | 'revoked' | 'expired' {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now.getTime() ? 'expired' : 'valid';
}

function keyStateTone(state: string): Tone {
  return state === 'valid' ? 'green' : 'dim';
}
