import { Clock } from '../core/clock.ts';
import { controlSurface } from '../core/control.ts';
import { FaultPlan } from '../core/fault-plan.ts';
import { Journal } from '../core/journal.ts';
import { Random } from '../core/random.ts';
import { startServer } from '../core/server.ts';
import { supabaseApi } from './api/api.ts';
import { type ProjectKeys, projectKeys } from './api/auth.ts';
import type { StripeSeed } from './data/draft.ts';
import { generateCatalog } from './data/generate.ts';
import type { CatalogManifest } from './data/manifest.ts';
import { type SupabaseConfig, type SupabaseSandboxOptions, supabaseOptionsSchema } from './options.ts';
import { productsSchema } from './schema.ts';
import type { SupabaseSettings } from './settings.ts';
import { Database, type TableSeed } from './store/database.ts';

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
