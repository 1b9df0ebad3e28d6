import type { FaultRule } from '../core/fault-rule.ts';
import type { Row } from './store.ts';

export interface PageRequest {
  readonly rows: readonly Row[];
  /** Show what comes after the record of this id. */
  readonly after: string | null;
  readonly limit: number;
}

export interface Page {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

/** Cuts a page by keyset, once the faults have had their say. Undefined when there is no record of the id. */
export function selectPage({ rows, after, limit }: PageRequest, faults: readonly FaultRule[]): Page | undefined {
  const at = after === null ? 0 : rows.findIndex((row) => String(row.id) === after) + 1;
  if (after !== null && at === 0) return undefined;
  let [start, most] = [at, limit];
  for (const rule of faults) {
    if (rule.fault === 'clamp') most = Math.min(most, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, start - most);
  }
  return { rows: rows.slice(start, start + most), hasMore: start + most < rows.length };
}

/** Other people at work while pages are read: a twin of a record before or after the cursor, a change, a deletion. */
export function applyDataFaults(
  asked: Pick<PageRequest, 'rows' | 'after'>,
  faults: readonly FaultRule[],
  change: (fault: 'insert' | 'delete' | 'modify', row: Row) => string,
): string[] {
  const touched: string[] = [];
  const at = asked.after === null ? 0 : asked.rows.findIndex((row) => String(row.id) === asked.after) + 1;
  for (const { fault, count = 1, position } of faults) {
    if (fault !== 'insert' && fault !== 'delete' && fault !== 'modify') continue;
    const side = position === 'after' ? asked.rows.slice(at) : asked.rows.slice(0, Math.max(0, at - 1));
    for (const row of side.slice(-count)) touched.push(change(fault, row));
  }
  return touched;
}
