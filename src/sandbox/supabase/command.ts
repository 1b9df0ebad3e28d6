import { type Command, Option } from 'commander';
import {
  controlLine,
  dirtOption,
  manifestOption,
  type SingleServeFlags,
  sandboxOptionsOf,
  serveUntilStopped,
  singleServeCommand,
  writeManifest,
} from '../core/command.ts';
import { type SupabaseSandbox, startSupabaseSandbox } from './sandbox.ts';

interface Flags extends SingleServeFlags {
  products: number;
  dirt: number;
  price: 'numeric' | 'text';
  maxRows: number;
  touch: boolean;
  manifest?: string;
}

/** `sandbox supabase`: serves a generated catalogue until it is stopped. */
export function supabaseCommand(): Command {
  return singleServeCommand(
    'supabase',
    "a server that behaves like Supabase's REST interface, with a product catalogue of known dirt",
    4030,
  )
    .option('--products <n>', 'number of products', Number, 1000)
    .addOption(dirtOption())
    .addOption(new Option('--price <type>', 'type of the price column').choices(['text', 'numeric']).default('text'))
    .option('--max-rows <n>', 'maximum number of rows in an answer', Number, 1000)
    .option('--touch', 'every change sets updated_at, as a trigger would', false)
    .addOption(manifestOption())
    .action(serve);
}

async function serve({ manifest, touch, ...flags }: Flags): Promise<void> {
  const sandbox = await startSupabaseSandbox({ ...sandboxOptionsOf(flags), touch: touch ? 1 : 0 });
  writeManifest(manifest, sandbox.manifest);
  await serveUntilStopped(banner(sandbox), sandbox);
}

function banner({ url, keys, manifest }: SupabaseSandbox): string[] {
  const { reconciled, skipped, rejected } = manifest.outcomes;
  return [
    `Supabase sandbox  ${url}`,
    `  service role   ${keys.serviceRoleKey}`,
    `  secret key     ${keys.secretKey}`,
    `  anon           ${keys.anonKey}`,
    `  products       ${manifest.products}  (to load ${reconciled}, skip ${skipped}, reject ${rejected})`,
    controlLine(url, 'journal,faults,manifest,settings,clock,data'),
  ];
}
