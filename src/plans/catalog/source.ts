import type { Source, SourceContext } from '../../plan/contract.ts';
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
  const open = (columns: readonly string[]): Source =>
    createSupabaseSource({
      ...{ upstream, table, columns, apiKey },
      numericAsText: ['price'],
      dateColumn: columns.includes('updated_at') ? 'updated_at' : null,
    });
  let opened: Promise<Source> | undefined;
  const source = (signal: AbortSignal): Promise<Source> => {
    opened ??= columnsOf(signal).then(open);
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  };

  async function columnsOf(signal: AbortSignal): Promise<readonly string[]> {
    const { rows } = await createRestTable(upstream, table).rows({ select: '*', limit: 1 }, signal);
    const [first] = rows;
    // An empty table shows no columns; those it must have are asked for, and nothing comes of the others.
    if (first === undefined) return requiredColumns;
    const there = readColumns.filter((column) => Object.hasOwn(first, column));
    return [...new Set([...requiredColumns, ...there])];
  }

  return {
    read: async (cursor, scope, signal) => (await source(signal)).read(cursor, scope, signal),
    count: async (scope, signal) => (await source(signal)).count?.(scope, signal),
  };
}
