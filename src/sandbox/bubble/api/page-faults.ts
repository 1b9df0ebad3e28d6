import type { FaultRule } from '../../core/fault-rule.ts';
import type { Row } from '../row.ts';
import type { BubbleType } from '../schema.ts';
import type { ApiContext } from './context.ts';
import type { ListQuery } from './list-query.ts';

/** Where the page starts and how many it holds, once faults have had their say. */
export function applyPageFaults(query: ListQuery, faults: readonly FaultRule[]): { start: number; limit: number } {
  let start = query.cursor;
  let limit = query.limit;
  for (const rule of faults) {
    // Fewer than the documented hundred: a client must advance by what it got.
    if (rule.fault === 'clamp') limit = Math.min(limit, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, query.cursor - query.limit);
  }
  return { start, limit };
}

/** Other people at work: inserts, deletes and changes records just before the page is cut. */
export function applyDataFaults(type: BubbleType, query: ListQuery, context: ApiContext): void {
  for (const rule of context.faults) {
    if (rule.fault !== 'insert' && rule.fault !== 'delete' && rule.fault !== 'modify') continue;
    for (let i = 0; i < (rule.count ?? 1); i++) {
      const row = pickFaultRow(type, query, rule, context);
      if (row !== undefined) context.touched.push(applyDataFault(type, rule, row, context));
    }
  }
}

/** A row on the asked side of the cursor; before the cursor, later offsets shift. */
function pickFaultRow(type: BubbleType, query: ListQuery, rule: FaultRule, context: ApiContext): Row | undefined {
  const rows = context.data.table(type).select(query.sort, query.constraints);
  const [low, high] = rule.position === 'after' ? [query.cursor, rows.length - 1] : [0, query.cursor - 1];
  const last = Math.min(high, rows.length - 1);
  return last < low ? undefined : rows[context.random.int(low, last)];
}

function applyDataFault(type: BubbleType, rule: FaultRule, row: Row, context: ApiContext): string {
  if (rule.fault === 'delete') context.data.delete(type, row._id);
  if (rule.fault === 'modify') context.data.modify(type, row._id, {});
  if (rule.fault !== 'insert') return row._id;
  // A twin with the same dates, so that it lands beside its model whatever the order.
  return context.data.insert(type, { ...row, _id: undefined });
}
