import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  dirtOption,
  manifestOption,
  type ServeFlags,
  serveCommand,
  serveUntilStopped,
  writeManifest,
} from '../core/command.ts';
import { generateLaunch } from './generate.ts';
import { startSystemeioSandbox } from './systemeio.ts';
import { startXenditSandbox } from './xendit.ts';

interface Flags extends ServeFlags {
  xenditPort: number;
  systemeioPort: number;
  share: number;
  dirt: number;
  xenditRate: number;
  systemeioRate: number;
  manifest?: string;
  csv?: string;
}

/** `sandbox launch`: serves one business through both its upstreams until it is stopped. */
export function launchCommand(): Command {
  return serveCommand(
    'launch',
    'servers that behave like Xendit and Systeme.io, with the sales and contacts of one business',
  )
    .option('--xendit-port <n>', 'the port of Xendit; 0 takes a free port', Number, 4040)
    .option('--systemeio-port <n>', 'the port of Systeme.io', Number, 4050)
    .option('--share <n>', 'how much of the business: 1 is 9,025 invoices and 15,270 contacts', Number, 1)
    .addOption(dirtOption())
    .option('--xendit-rate <n>', 'requests a minute for each endpoint of Xendit; 0 for no limit', Number, 600)
    .option('--systemeio-rate <n>', 'requests a minute at Systeme.io; 0 for no limit', Number, 60)
    .addOption(manifestOption())
    .option('--csv <folder>', 'write the legacy exports xendit.csv and systemeio.csv there, and serve nothing')
    .action(run);
}

async function run({ csv, ...flags }: Flags): Promise<void> {
  if (csv === undefined) await serve(flags);
  else writeCsv(csv, flags);
}

async function serve(flags: Flags): Promise<void> {
  const { host, seed, share, dirt, latencyMs } = flags;
  const common = { host, seed, share, dirt, latencyMs, faults: [...flags.faults] };
  const xendit = await startXenditSandbox({ ...common, port: flags.xenditPort, ratePerMinute: flags.xenditRate });
  const systemeio = await startSystemeioSandbox({
    ...common,
    port: flags.systemeioPort,
    ratePerMinute: flags.systemeioRate,
  });
  writeManifest(flags.manifest, xendit.manifest);
  const { sources } = xendit.manifest;
  const banner = [
    `Xendit sandbox     ${xendit.url}  (${sources.transactions} transactions, ${sources.invoices} invoices)`,
    `  secret key       ${xendit.secretKey}`,
    `Systeme.io sandbox ${systemeio.url}  (${sources.contacts} contacts)`,
    `  API key          ${systemeio.apiKey}`,
  ];
  await serveUntilStopped(banner, xendit, systemeio);
}

function writeCsv(folder: string, flags: Flags): void {
  const { csv, manifest } = generateLaunch(flags);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'xendit.csv'), csv.xendit);
  writeFileSync(join(folder, 'systemeio.csv'), csv.systemeio);
  writeManifest(flags.manifest, manifest);
  process.stdout.write(`${join(folder, 'xendit.csv')}\n${join(folder, 'systemeio.csv')}\n`);
}
