import type { Scope } from '../../plan/contract.ts';
import type { XenditList, XenditQuery } from './api.ts';

const minute = 60_000;
// A change can become visible after a later one. Invoices have no time of change to ask for, so theirs is longer.
const overlapMs: Readonly<Record<XenditList, number>> = { transactions: 15 * minute, invoices: 24 * 60 * minute };

/**
 * The lists that together hold what a scope asks for. Transactions have a time of change; of invoices one can only ask
 * which were made, paid, or ran out since, and all that can happen to them is one of the three. What several lists give
 * is one record.
 */
export function queriesFor(list: XenditList, { since, until }: Scope): readonly XenditQuery[] {
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs[list]).toISOString();
  if (list === 'transactions') {
    return [{ ...(from && { 'updated[gte]': from }), ...(until && { 'updated[lte]': until }) }];
  }
  if (from === undefined) return [until === undefined ? {} : { created_before: until }];
  return ['created', 'paid', 'expired'].map((what) => ({
    [`${what}_after`]: from,
    ...(until && { [`${what}_before`]: until }),
  }));
}
