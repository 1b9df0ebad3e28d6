import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Database, openDatabase } from '../db/client.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { readConfig } from '../src/config.ts';
import { finishedStatuses } from '../src/contract/run-status.ts';
import { openControl } from '../src/engine/open-engine.ts';
import { loadPlans } from '../src/plan/registry.ts';
import type { JournalEntry } from '../src/sandbox/core/journal.ts';
import { startStripeSandbox } from '../src/sandbox/stripe/sandbox.ts';
import { startSupabaseSandbox } from '../src/sandbox/supabase/sandbox.ts';
import { createChildren } from './child-processes.ts';
import { guardChildren } from './stack/guard.ts';
import { ServicesUnavailable } from './stack/services.ts';
import { startStack } from './stack/stack.ts';

const help = `Usage: npm run bench:catalog [-- --products N] [-- --processes LIST]

Moves a catalogue into a Stripe sandbox with Stripe's limits (100 requests a second, 25 for each endpoint)
by 1, 2 and 4 worker processes, and says from the sandbox's journal how much of STRIPE_MAX_RPS and
STRIPE_ENDPOINT_MAX_RPS was used, and the most requests of any sliding second.

  --products N      products of each catalogue (default 10000, some nine minutes each)
  --processes LIST  worker processes, one catalogue after the other (default 1,2,4)`;

interface Settings {
  readonly products: number;
  readonly processes: readonly number[];
}

interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

function readSettings(): Settings | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { products: text, processes: text, help: { type: 'boolean' } } });
  if (values.help) return undefined;
  const processes = (values.processes ?? '1,2,4').split(',').map(Number);
  return { products: Number(values.products ?? 10_000), processes };
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (!settings) return console.log(help);
  const dir = await mkdtemp(join(tmpdir(), 'drover-bench-catalog-'));
  guardChildren();
  const stack = await startStack({ dir });
  try {
    const stores = { databaseUrl: stack.databaseUrl, redisUrl: stack.redisUrl };
    await migrateDatabase(stores.databaseUrl);
    const figures = [];
    for (const processes of settings.processes) {
      const uses = await measure(stores, settings.products, processes, dir);
      figures.push({ processes, products: settings.products, uses });
      for (const use of uses) console.log(line(processes, use));
    }
    console.log(JSON.stringify(figures));
  } finally {
    await stack.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

function line(processes: number, { limit, allowed, used, share, peak, refused }: LimitUsage): string {
  const percent = Math.round(share * 100);
  return `${processes} processes  ${limit.padEnd(22)} ${used}/s of ${allowed} (${percent} %), most in a second ${peak}, refused ${refused}`;
}

/** One catalogue into one new account. Each has names of its own in the stores, so that none is helped by another. */
async function measure(
  stores: Stores,
  products: number,
  processes: number,
  dir: string,
): Promise<readonly LimitUsage[]> {
  const supabase = await startSupabaseSandbox({ products, dirt: 0 });
  const stripe = await startStripeSandbox();
  const env = {
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    DROVER_REDIS_PREFIX: `{bench-${processes}}`,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    LOG_LEVEL: 'warn',
    SUPABASE_URL: supabase.url,
    SUPABASE_SERVICE_ROLE_KEY: supabase.keys.serviceRoleKey,
    STRIPE_API_URL: stripe.url,
    STRIPE_SECRET_KEY: stripe.secretKey,
    MIGRATION_EXPORT_DIR: dir,
    MIGRATION_REPORT_DIR: dir,
  };
  const config = readConfig(env);
  const database = openDatabase({ url: stores.databaseUrl, applicationName: 'bench', onError: () => undefined });
  const children = createChildren();
  for (let n = 1; n <= processes; n += 1) children.start(`worker ${n}`, 'workers/main.ts', env);
  try {
    await run(database, config, `bench_${processes}`);
    const { STRIPE_MAX_RPS: fleet, STRIPE_ENDPOINT_MAX_RPS: endpoint } = config.settings;
    return limitUsage(stripe.journal.entries(), { fleet: Number(fleet), endpoint: Number(endpoint) });
  } finally {
    await children.stop();
    await database.$client.end();
    await Promise.all([supabase.close(), stripe.close()]);
  }
}

async function run(database: Database, config: ReturnType<typeof readConfig>, targetSchema: string): Promise<void> {
  const control = openControl({ database, target: database, plans: await loadPlans(), config });
  const { id } = await control.startRun({ plan: 'catalog', targetSchema }, { id: 'bench', role: 'admin' });
  for (;;) {
    const { status, reason } = await control.run(id);
    if (status === 'completed') return;
    if (finishedStatuses.includes(status)) throw new Error(`the run ended as ${status}: ${reason}`);
    await sleep(500);
  }
}

/** How much of one limit was used. Counted are requests that were let in. */
interface LimitUsage {
  /** `stripe`, or an endpoint: `POST /v1/products`. */
  readonly limit: string;
  /** The fleet's limit in requests a second. */
  readonly allowed: number;
  /** Requests a second from the first to the last of them. */
  readonly used: number;
  readonly share: number;
  /** The most in any sliding second, as the sandbox saw them arrive. */
  readonly peak: number;
  /** Answered 429. */
  readonly refused: number;
}

/** The limits of a run, the one that bound it first: recomputed from the sandbox's journal and nothing else. */
function limitUsage(
  entries: readonly JournalEntry[],
  allowed: { readonly fleet: number; readonly endpoint: number },
): readonly LimitUsage[] {
  const endpoints = [...new Set(entries.flatMap(({ notes }) => notes?.endpoint ?? []))];
  const uses = [
    usageOf('stripe', allowed.fleet, entries),
    ...endpoints.map((name) =>
      usageOf(
        name,
        allowed.endpoint,
        entries.filter(({ notes }) => notes?.endpoint === name),
      ),
    ),
  ];
  return uses.sort((a, b) => b.share - a.share);
}

function usageOf(limit: string, allowed: number, entries: readonly JournalEntry[]): LimitUsage {
  const times = entries.filter(({ status }) => status !== 429).map(({ at }) => at);
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
  const used = seconds > 0 ? (times.length - 1) / seconds : 0;
  const refused = entries.length - times.length;
  return { limit, allowed, used: round(used), share: round(used / allowed), peak: peakOf(times), refused };
}

function peakOf(times: readonly number[]): number {
  let first = 0;
  let peak = 0;
  for (const [last, at] of times.entries()) {
    while (at - (times[first] ?? 0) >= 1_000) first += 1;
    peak = Math.max(peak, last - first + 1);
  }
  return peak;
}

const round = (value: number): number => Math.round(value * 100) / 100;

main().catch((error: unknown) => {
  console.error(error instanceof ServicesUnavailable ? error.message : error);
  process.exit(1);
});
