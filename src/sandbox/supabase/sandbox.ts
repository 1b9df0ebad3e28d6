import { z } from 'zod';
import { Clock } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan, faultRulesSchema } from '../core/faults.ts';
import { Journal } from '../core/journal.ts';
import { Random } from '../core/random.ts';
import { startServer } from '../core/server.ts';
import { supabaseApi } from './api/api.ts';
import { type ProjectKeys, projectKeys } from './api/auth.ts';
import type { SupabaseSettings } from './api/context.ts';
import { type CatalogManifest, generateCatalog } from './data/generate.ts';
import type { StripeSeed } from './data/product-draft.ts';
import { productsSchema, tableSchema } from './schema.ts';
import { Database, type TableSeed } from './store.ts';

/** A running stand-in for a Supabase project's REST interface. */
export interface SupabaseSandbox {
  /** `http://127.0.0.1:4030`: what `SUPABASE_URL` is set to. The interface is under `/rest/v1`. */
  readonly url: string;
  readonly keys: ProjectKeys;
  readonly journal: Journal;
  /** Of the catalogue as generated. */
  readonly manifest: CatalogManifest;
  /** What must be in Stripe for the catalogue's traps to work; lay it with `seedStripe`. */
  readonly stripe: readonly StripeSeed[];
  readonly faults: FaultPlan;
  readonly data: Database;
  readonly clock: Clock;
  readonly settings: SupabaseSettings;
  close(): Promise<void>;
}

/** Generates a catalogue and serves it. Throws when an option makes no sense or the port is taken. */
export async function startSupabaseSandbox(options: SupabaseSandboxOptions = {}): Promise<SupabaseSandbox> {
  const config = supabaseOptionsSchema.parse(options);
  const { rows, manifest, stripe } = generateCatalog(config);
  const clock = new Clock();
  const { maxRows, latencyMs, touch, seed } = config;
  const settings: SupabaseSettings = { maxRows, latencyMs, touch };
  const data = new Database(tablesOf(config, rows), clock);
  const keys = projectKeys();
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(seed, config.faults);
  const server = await startServer(config.port, config.host, {
    upstream: supabaseApi({ database: data, keys, settings, clock, random: new Random(seed).fork('life') }),
    clock,
    journal,
    faults,
    latencyMs: () => settings.latencyMs,
    control: controlSurface({ journal, faults, clock, manifest, data, settings }),
  });
  const close = async () => {
    await server.close();
    await journal.close();
  };
  return { url: server.origin, keys, journal, manifest, stripe, faults, data, clock, settings, close };
}

function tablesOf(config: SupabaseConfig, rows: TableSeed['rows']): Record<string, TableSeed> {
  const more = Object.entries(config.tables).map(([name, { rows: given, ...schema }]) => [
    name,
    { schema, rows: given },
  ]);
  return { products: { schema: productsSchema(config.price), rows }, ...Object.fromEntries(more) };
}

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
type SupabaseConfig = z.output<typeof supabaseOptionsSchema>;
