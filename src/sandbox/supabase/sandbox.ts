import { z } from 'zod';
import { Clock } from '../core/clock.ts';
import { Random } from '../core/random.ts';
import { type RunningSandbox, sandboxOptions, startSandbox } from '../core/sandbox.ts';
import { supabaseApi } from './api/api.ts';
import { type ProjectKeys, projectKeys } from './api/auth.ts';
import type { SupabaseSettings } from './api/context.ts';
import { type CatalogManifest, generateCatalog } from './data/generate.ts';
import type { StripeSeed } from './data/product-draft.ts';
import { productsSchema, tableSchema } from './schema.ts';
import { Database, type TableSeed } from './store.ts';

/** A running server that behaves like the REST interface of a Supabase project. */
export interface SupabaseSandbox extends Omit<RunningSandbox<Database, SupabaseSettings>, 'origin'> {
  /** The value for `SUPABASE_URL`, `http://127.0.0.1:4030`. The interface is under `/rest/v1`. */
  readonly url: string;
  readonly keys: ProjectKeys;
  /** Describes the catalogue as generated, without later changes. */
  readonly manifest: CatalogManifest;
  /** The objects that must be in Stripe for the catalogue's traps to work; insert them with `seedStripe`. */
  readonly stripe: readonly StripeSeed[];
}

/** Generates a catalogue and serves it. Rejects on an invalid option, or when the port is taken. */
export async function startSupabaseSandbox(options: SupabaseSandboxOptions = {}): Promise<SupabaseSandbox> {
  const config = supabaseOptionsSchema.parse(options);
  const { rows, manifest, stripe } = generateCatalog(config);
  const clock = new Clock();
  const { maxRows, latencyMs, touch, seed } = config;
  const settings: SupabaseSettings = { maxRows, latencyMs, touch };
  const data = new Database(tablesOf(config, rows), clock);
  const keys = projectKeys();
  const upstream = supabaseApi({ database: data, keys, settings, clock, random: new Random(seed).fork('life') });
  const { origin, ...running } = await startSandbox(config, { upstream, clock, data, settings, manifest });
  return { url: origin, keys, manifest, stripe, ...running };
}

function tablesOf(config: SupabaseConfig, rows: TableSeed['rows']): Record<string, TableSeed> {
  const others = Object.entries(config.tables).map(([name, { rows: given, ...schema }]) => [
    name,
    { schema, rows: given },
  ]);
  return { products: { schema: productsSchema(config.price), rows }, ...Object.fromEntries(others) };
}

export const supabaseOptionsSchema = z.strictObject({
  ...sandboxOptions,
  products: z.int().min(0).max(1_000_000).default(1000),
  /** 1: dirty as real data is; 0: clean. */
  dirt: z.number().min(0).max(5).default(1),
  /** Type of the column `price`: as text it can hold `Free`. */
  price: z.enum(['numeric', 'text']).default('text'),
  /** The lookup key that the mover gives its prices; a trap lets an unrelated price hold one of them. */
  lookupKey: z.string().default('cms_{id}_{currency}'),
  /** The Stripe product id that the mover chooses. */
  productId: z.string().default('cms_{id}'),
  /** `db-max-rows`: longer answers are truncated without any indication. */
  maxRows: z.int().min(1).default(1000),
  /** 1: a trigger sets `updated_at` with every change, as `moddatetime` does. */
  touch: z.int().min(0).max(1).default(0),
  /** Tables besides `products`, with their rows. */
  tables: z.record(z.string(), tableSchema).default({}),
});

export type SupabaseSandboxOptions = z.input<typeof supabaseOptionsSchema>;
type SupabaseConfig = z.output<typeof supabaseOptionsSchema>;
