import type { Command } from 'commander';
import {
  controlLine,
  type SingleServeFlags,
  sandboxOptionsOf,
  serveUntilStopped,
  singleServeCommand,
} from '../core/command.ts';
import { generateCatalog, seedStripe } from '../supabase/data/generate.ts';
import { supabaseOptionsSchema } from '../supabase/sandbox.ts';
import { type StripeSandbox, startStripeSandbox } from './sandbox.ts';

interface Flags extends SingleServeFlags {
  globalRps: number;
  endpointRps: number;
  searchLagMs: number;
  secretKey: string;
  webhookUrl?: string;
  webhookSecret: string;
  catalog: number;
  dirt: number;
}

/** `sandbox stripe`: serves an account until it is stopped. */
export function stripeCommand(): Command {
  return singleServeCommand(
    'stripe',
    "a server that behaves like Stripe's API: limits, idempotency, lists, webhooks",
    4020,
    'the same ids',
  )
    .option('--global-rps <n>', 'requests allowed in any second; 0 for no limit', Number, 100)
    .option('--endpoint-rps <n>', 'the same for one endpoint', Number, 25)
    .option('--search-lag-ms <n>', 'delay until search finds a change', Number, 60_000)
    .option('--secret-key <key>', 'the key of the test mode', 'sk_test_sandbox')
    .option('--webhook-url <url>', 'where events are sent')
    .option('--webhook-secret <secret>', 'the secret that signs them', 'whsec_sandbox')
    .option(
      '--catalog <n>',
      'insert the objects that a Supabase sandbox with this many products and the same seed expects',
      Number,
      0,
    )
    .option('--dirt <factor>', 'how dirty that catalogue is', Number, 1)
    .action(serve);
}

async function serve({ catalog, dirt, ...flags }: Flags): Promise<void> {
  const sandbox = await startStripeSandbox(sandboxOptionsOf(flags));
  const { stripe } = generateCatalog(supabaseOptionsSchema.parse({ products: catalog, dirt, seed: flags.seed }));
  seedStripe(stripe, { test: sandbox.data, live: sandbox.liveData });
  await serveUntilStopped(banner(sandbox), sandbox);
}

function banner({ url, secretKey, liveKey, readOnlyKey, data }: StripeSandbox): string[] {
  const counts = Object.entries(data.counts()).map(([kind, count]) => `  ${kind.padEnd(14)} ${count}`);
  const keys = [`  test key       ${secretKey}`, `  live key       ${liveKey}`, `  read-only key  ${readOnlyKey}`];
  return [
    `Stripe sandbox  ${url}`,
    ...keys,
    ...counts,
    controlLine(url, 'journal,faults,settings,clock,data,do/forget'),
  ];
}
