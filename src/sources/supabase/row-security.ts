import { DroverError } from '../../errors.ts';
import { roleOfKey } from './project-key.ts';
import type { RestTable } from './rest.ts';

/**
 * Called when a table seems empty. Row security hides rows without a word, so an empty answer means something only
 * when the key is above it.
 * @throws DroverError CONFIGURATION when the key's role is not, and sees no row of the table at all.
 */
export async function assertNotHiddenByRowSecurity(
  table: RestTable,
  name: string,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const role = roleOfKey(apiKey);
  if (role === undefined || role === 'service_role') return;
  const seen = await table.count({}, signal);
  if (seen !== undefined && seen > 0) return;
  throw new DroverError('CONFIGURATION', `supabase ${name}: no row can be seen, and the key has the role ${role}`, {
    remedy:
      'Row level security answers such a key with nothing instead of an error, so an empty table cannot be told from a hidden ' +
      'one: set SUPABASE_SERVICE_ROLE_KEY to the service-role key (role service_role, or sb_secret_...).',
  });
}
