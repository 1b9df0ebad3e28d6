import type { Row } from '../launch/store.ts';

const VALUE_FILTERS: Readonly<Record<string, string>> = {
  types: 'type',
  statuses: 'status',
  channel_categories: 'channel_category',
  reference_id: 'reference_id',
  external_id: 'external_id',
  product_id: 'product_id',
  currency: 'currency',
};
const TIME_FILTERS: Readonly<Record<string, readonly [field: string, from: boolean]>> = {
  'created[gte]': ['created', true],
  'created[lte]': ['created', false],
  'updated[gte]': ['updated', true],
  'updated[lte]': ['updated', false],
  created_after: ['created', true],
  created_before: ['created', false],
  paid_after: ['paid_at', true],
  paid_before: ['paid_at', false],
  expired_after: ['expiry_date', true],
  expired_before: ['expiry_date', false],
};

/** The rows a query asks for. Throws RangeError on a date that is none. */
export function filterRows(rows: readonly Row[], query: URLSearchParams): readonly Row[] {
  const tests: ((row: Row) => boolean)[] = [];
  for (const name of new Set(query.keys())) {
    const field = VALUE_FILTERS[name];
    // Repeated parameters, or one with several values in it.
    const wanted = query.getAll(name).flatMap((value) => (name.endsWith('s') ? value.split(',') : [value]));
    if (field !== undefined) tests.push((row) => wanted.includes(String(row[field])));
    const bound = TIME_FILTERS[name];
    if (bound !== undefined) tests.push(timeTest(bound, query.get(name) ?? ''));
  }
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function timeTest([field, from]: readonly [string, boolean], text: string): (row: Row) => boolean {
  const limit = Date.parse(text);
  if (Number.isNaN(limit)) throw new RangeError(`${field}: "${text}" is not a date`);
  return (row) => {
    const at = Date.parse(String(row[field] ?? ''));
    return from ? at >= limit : at <= limit;
  };
}
