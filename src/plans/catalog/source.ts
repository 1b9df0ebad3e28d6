import type { Source, SourceContext, SourceRecord } from '../../plan/contract.ts';
import { createRestTable } from '../../sources/supabase/rest.ts';
import { createSupabaseSource } from '../../sources/supabase/source.ts';
import { openSupabase } from './connections.ts';

/** What is read of a product, where the table has it. */
const readColumns = [
  ...['name', 'title', 'description', 'price', 'currency', 'image_url', 'images', 'active', 'metadata', 'deleted_at'],
  ...['stripe_product_id', 'stripe_price_id', 'sync_status', 'updated_at'],
];
/** Without these there is nothing to move, or no way to say that it was. */
const requiredColumns = ['price', 'stripe_product_id', 'stripe_price_id', 'sync_status'];

interface ProductTable {
  readonly columns: readonly string[];
  /** Then the zeros of a price are the scale of its column, and nothing that a person wrote. */
  readonly priceIsNumeric: boolean;
}

/** PostgreSQL writes the scale of a numeric column out: `1200.00` of a price in yen. */
function withoutScale(record: SourceRecord): SourceRecord {
  const { price } = record.raw;
  if (typeof price !== 'string' || !/^-?\d+\.\d+$/.test(price)) return record;
  return { ...record, raw: { ...record.raw, price: price.replace(/\.?0+$/, '') } };
}

export function tableName(params: SourceContext['params']): string {
  return typeof params.table === 'string' ? params.table : 'products';
}

/**
 * The catalogue's table. Which columns it has is asked once, of its first row: catalogues differ in what they keep of a
 * product, and a column that is asked for and not there has the whole request refused.
 */
export function catalogSource(context: SourceContext): Source {
  const { upstream, apiKey } = openSupabase(context);
  const table = tableName(context.params);
  const open = ({ columns, priceIsNumeric }: ProductTable): Source => {
    const rows = createSupabaseSource({
      ...{ upstream, table, columns, apiKey },
      numericAsText: ['price'],
      dateColumn: columns.includes('updated_at') ? 'updated_at' : null,
    });
    if (!priceIsNumeric) return rows;
    return {
      ...rows,
      async read(cursor, scope, signal) {
        const page = await rows.read(cursor, scope, signal);
        return { ...page, records: page.records.map(withoutScale) };
      },
    };
  };
  let opened: Promise<Source> | undefined;
  const source = (signal: AbortSignal): Promise<Source> => {
    opened ??= tableOf(signal).then(open);
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };

  async function tableOf(signal: AbortSignal): Promise<ProductTable> {
    const rest = createRestTable(upstream, table);
    const { rows } = await rest.rows({ select: '*', limit: 1 }, signal);
    const [first] = rows;
    // An empty table shows no columns; those it must have are asked for, and nothing comes of the others.
    if (first === undefined) return { columns: requiredColumns, priceIsNumeric: false };
    const there = readColumns.filter((column) => Object.hasOwn(first, column));
    const priced =
      first.price === null ? await rest.rows({ select: 'price', price: 'not.is.null', limit: 1 }, signal) : { rows };
    const priceIsNumeric = typeof priced.rows[0]?.price === 'number';
    return { columns: [...new Set([...requiredColumns, ...there])], priceIsNumeric };
  }

  return {
    read: async (cursor, scope, signal) => (await source(signal)).read(cursor, scope, signal),
    count: async (scope, signal) => (await source(signal)).count?.(scope, signal),
  };
}
