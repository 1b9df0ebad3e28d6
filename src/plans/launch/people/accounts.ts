import { DroverError } from '../../../errors.ts';
import type { SourceContext, TargetReader } from '../../../plan/contract.ts';
import { parseParams } from '../params.ts';

/**
 * Existing accounts, as a join that gives `account_id` for an address: those of the table the run names, or of auth.users
 * where there is one. Empty when there are none to keep.
 * @throws DroverError CONFIGURATION when the run names a table that is not there.
 */
export async function accountJoin(context: SourceContext, target: TargetReader, email: string): Promise<string> {
  const named = parseParams(context.params).authUsers;
  const table = named ?? 'auth.users';
  const [found] = await target.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
  if (found?.there !== true) {
    if (named === undefined) return 'CROSS JOIN LATERAL (SELECT NULL::text AS account_id) account';
    throw new DroverError('CONFIGURATION', `the target database has no table ${named} (parameter authUsers)`);
  }
  return `LEFT JOIN LATERAL (SELECT a.id::text AS account_id FROM ${table} a WHERE lower(a.email) = ${email} ORDER BY a.created_at, a.id LIMIT 1) account ON true`;
}
