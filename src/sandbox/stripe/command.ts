import { Command, Option } from 'commander';
import { FAULT_PRESETS, parseFaults, waitForStopSignal } from '../core/command.ts';
import { generateCatalog, seedStripe } from '../supabase/data/generate.ts';
import { supabaseOptionsSchema } from '../supabase/sandbox.ts';
import { type StripeSandbox, startStripeSandbox } from './sandbox.ts';

interface Flags {
  port: number;
  host: string;
  seed: number;
  latencyMs: number;
  globalRps: number;
  endpointRps: number;
  searchLagMs: number;
  faults: ReturnType<typeof parseFaults>;
  secretKey: string;
  webhookUrl?: string;
  webhookSecret: string;
  journal?: string;
  catalog: number;
  dirt: number;
}

/** `sandbox stripe`: serves an account until it is stopped. */
export function stripeCommand(): Command {
  return new Command('stripe')
    .description("a server that behaves like Stripe's API: limits, idempotency, lists, webhooks")
    .option('--port <n>', 'where to listen; 0 takes a free port', Number, 4020)
    .option('--host <address>', 'on which address', '127.0.0.1')
    .option('--seed <n>', 'the same seed gives the same ids and the same faults', Number, 7)
    .option('--latency-ms <n>', 'how long every answer takes at least', Number, 0)
    .option('--global-rps <n>', 'requests allowed in any second; 0 for no limit', Number, 100)
    .option('--endpoint-rps <n>', 'the same for one endpoint', Number, 25)
    .option('--search-lag-ms <n>', 'how far search is behind', Number, 60_000)
    .option('--secret-key <key>', 'the key of the test mode', 'sk_test_sandbox')
    .option('--webhook-url <url>', 'where events are sent')
    .option('--webhook-secret <secret>', 'what they are signed with', 'whsec_sandbox')
    .option('--journal <file>', 'append every request to this file, a JSON object a line')
    .option('--catalog <n>', 'lay what a Supabase sandbox of so many products and this seed expects here', Number, 0)
    .option('--dirt <factor>', 'how dirty that catalogue is', Number, 1)
    .addOption(
      new Option('--faults <rules>', `${Object.keys(FAULT_PRESETS).join(', ')}, JSON, or @file with JSON`)
        .argParser(parseFaults)
        .default([], 'none'),
    )
    .action(serve);
}

async function serve({ journal, catalog, dirt, ...flags }: Flags): Promise<void> {
  const options = { ...flags, faults: [...flags.faults], ...(journal === undefined ? {} : { journalFile: journal }) };
  const sandbox = await startStripeSandbox(options);
  const { stripe } = generateCatalog(supabaseOptionsSchema.parse({ products: catalog, dirt, seed: flags.seed }));
  seedStripe(stripe, { test: sandbox.data, live: sandbox.liveData });
  process.stdout.write(banner(sandbox));
  await waitForStopSignal();
  await sandbox.close();
}

function banner({ url, secretKey, liveKey, readOnlyKey, data }: StripeSandbox): string {
  const counts = Object.entries(data.counts()).map(([kind, count]) => `  ${kind.padEnd(14)} ${count}`);
  const keys = [`  test key       ${secretKey}`, `  live key       ${liveKey}`, `  read-only key  ${readOnlyKey}`];
  const control = `  control        ${new URL('/__sandbox/', url)}{journal,faults,settings,clock,data,do/forget}`;
  return `${[`Stripe sandbox  ${url}`, ...keys, ...counts, control].join('\n')}\n`;
}
