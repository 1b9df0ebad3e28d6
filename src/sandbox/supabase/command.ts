import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { FAULT_PRESETS, parseFaults, waitForStopSignal } from '../core/command.ts';
import { type SupabaseSandbox, startSupabaseSandbox } from './sandbox.ts';

interface Flags {
  port: number;
  host: string;
  products: number;
  seed: number;
  dirt: number;
  price: 'numeric' | 'text';
  maxRows: number;
  latencyMs: number;
  touch: boolean;
  faults: ReturnType<typeof parseFaults>;
  journal?: string;
  manifest?: string;
}

/** `sandbox supabase`: serves a generated catalogue until it is stopped. */
export function supabaseCommand(): Command {
  return new Command('supabase')
    .description("a server that behaves like Supabase's REST interface, with a product catalogue of known dirt")
    .option('--port <n>', 'where to listen; 0 takes a free port', Number, 4030)
    .option('--host <address>', 'on which address', '127.0.0.1')
    .option('--products <n>', 'how many products', Number, 1000)
    .option('--seed <n>', 'the same seed gives the same data and the same faults', Number, 7)
    .option('--dirt <factor>', 'how dirty: 1 as usual, 0 clean', Number, 1)
    .addOption(new Option('--price <type>', 'type of the price column').choices(['text', 'numeric']).default('text'))
    .option('--max-rows <n>', 'how many rows an answer holds at most', Number, 1000)
    .option('--latency-ms <n>', 'how long every answer takes at least', Number, 0)
    .option('--touch', 'every change sets updated_at, as a trigger would', false)
    .option('--journal <file>', 'append every request to this file, a JSON object a line')
    .option('--manifest <file>', 'write what is in the data, and what becomes of it, to this file')
    .addOption(
      new Option('--faults <rules>', `${Object.keys(FAULT_PRESETS).join(', ')}, JSON, or @file with JSON`)
        .argParser(parseFaults)
        .default([], 'none'),
    )
    .action(serve);
}

async function serve({ journal, manifest, touch, ...flags }: Flags): Promise<void> {
  const options = { ...flags, touch: touch ? 1 : 0, faults: [...flags.faults] };
  const sandbox = await startSupabaseSandbox({
    ...options,
    ...(journal === undefined ? {} : { journalFile: journal }),
  });
  if (manifest !== undefined) writeFileSync(manifest, `${JSON.stringify(sandbox.manifest, null, 2)}\n`);
  process.stdout.write(banner(sandbox));
  await waitForStopSignal();
  await sandbox.close();
}

function banner({ url, keys, manifest }: SupabaseSandbox): string {
  const { reconciled, skipped, rejected } = manifest.outcomes;
  const lines = [
    `Supabase sandbox  ${url}`,
    `  service role   ${keys.serviceRoleKey}`,
    `  secret key     ${keys.secretKey}`,
    `  anon           ${keys.anonKey}`,
    `  products       ${manifest.products}  (to load ${reconciled}, skip ${skipped}, reject ${rejected})`,
    `  control        ${new URL('/__sandbox/', url)}{journal,faults,manifest,settings,clock,data}`,
  ];
  return `${lines.join('\n')}\n`;
}
