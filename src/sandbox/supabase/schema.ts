import { z } from 'zod';

export const COLUMN_TYPES = [
  'bigint',
  'integer',
  'numeric',
  'text',
  'boolean',
  'timestamp with time zone',
  'jsonb',
  'text[]',
] as const;

export type ColumnType = (typeof COLUMN_TYPES)[number];

export const tableSchema = z.strictObject({
  columns: z.record(z.string(), z.enum(COLUMN_TYPES)),
  /** The primary key. */
  key: z.string().default('id'),
  /** Columns that may not be null, besides the key. */
  required: z.array(z.string()).default([]),
  /** Columns no two rows may share. */
  unique: z.array(z.string()).default([]),
  rows: z.array(z.record(z.string(), z.json())).default([]),
});

export type TableInput = z.input<typeof tableSchema>;

export interface TableSchema {
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: string;
  readonly required: readonly string[];
  readonly unique: readonly string[];
}

/** The catalogue's table, as a shop built on Supabase would have it. */
export function productsSchema(price: 'numeric' | 'text'): TableSchema {
  return {
    columns: {
      id: 'bigint',
      name: 'text',
      description: 'text',
      price,
      currency: 'text',
      image_url: 'text',
      images: 'text[]',
      active: 'boolean',
      sku: 'text',
      slug: 'text',
      handle: 'text',
      metadata: 'jsonb',
      stripe_product_id: 'text',
      stripe_price_id: 'text',
      sync_status: 'text',
      deleted_at: 'timestamp with time zone',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
    },
    key: 'id',
    required: [],
    unique: [],
  };
}
