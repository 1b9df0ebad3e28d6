import type { Scope } from '../../plan/contract.ts';
import type { RestQuery } from './rest.ts';
import type { SupabaseSettings } from './settings.ts';

/**
 * The scope's window as a filter. It begins a minute early, because a change can become visible after a later one, and
 * takes rows without a date, of which nobody knows when they changed; what is read twice changes nothing.
 */
export function windowQuery(
  { since, until }: Pick<Scope, 'since' | 'until'>,
  { dateColumn, overlapMs }: Pick<SupabaseSettings, 'dateColumn' | 'overlapMs'>,
): RestQuery {
  if (dateColumn === undefined || (since === undefined && until === undefined)) return {};
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs).toISOString();
  // Quoted, because dots and colons mean something inside a tree of conditions.
  const bounds = [
    ...(from === undefined ? [] : [`${dateColumn}.gte."${from}"`]),
    ...(until === undefined ? [] : [`${dateColumn}.lt."${until}"`]),
  ];
  return { or: `(and(${bounds.join(',')}),${dateColumn}.is.null)` };
}
