import { z } from 'zod';
import { faultRulesSchema } from '../core/fault-rule.ts';
import { tableSchema } from './schema.ts';

export const supabaseOptionsSchema = z.strictObject({
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  seed: z.int().min(0).default(7),
  products: z.int().min(0).max(1_000_000).default(1000),
  /** 1: dirty as real data is; 0: clean. */
  dirt: z.number().min(0).max(5).default(1),
  /** Type of the column `price`: as text it can hold `Free`. */
  price: z.enum(['numeric', 'text']).default('text'),
  /** The lookup key a mover gives its prices; one of them is taken by a stranger's. */
  lookupKey: z.string().default('cms_{id}_{currency}'),
  /** The Stripe product id a mover chooses. */
  productId: z.string().default('cms_{id}'),
  /** `db-max-rows`: longer answers are cut, and nobody is told. */
  maxRows: z.int().min(1).default(1000),
  latencyMs: z.int().min(0).default(0),
  /** 1: a trigger sets `updated_at` with every change, as `moddatetime` does. */
  touch: z.int().min(0).max(1).default(0),
  faults: faultRulesSchema.default([]),
  /** More tables than `products`, with their rows. */
  tables: z.record(z.string(), tableSchema).default({}),
  /** Where the journal is kept as JSON lines as well. */
  journalFile: z.string().optional(),
});

export type SupabaseSandboxOptions = z.input<typeof supabaseOptionsSchema>;
export type SupabaseConfig = z.output<typeof supabaseOptionsSchema>;
