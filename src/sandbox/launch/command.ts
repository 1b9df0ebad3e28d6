import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { FAULT_PRESETS, parseFaults, waitForStopSignal } from '../core/command.ts';
import { generateLaunch } from './generate.ts';
import { startSystemeioSandbox } from './systemeio.ts';
import { startXenditSandbox } from './xendit.ts';

interface Flags {
  xenditPort: number;
  systemeioPort: number;
  host: string;
  seed: number;
  share: number;
  dirt: number;
  latencyMs: number;
  xenditRate: number;
  systemeioRate: number;
  faults: ReturnType<typeof parseFaults>;
  manifest?: string;
  csv?: string;
}

/** `sandbox launch`: serves one business on both its upstreams until it is stopped. */
export function launchCommand(): Command {
  return new Command('launch')
    .description('servers that behave like Xendit and Systeme.io, with the sales and contacts of one business')
    .option('--xendit-port <n>', 'where Xendit listens; 0 takes a free port', Number, 4040)
    .option('--systemeio-port <n>', 'where Systeme.io listens', Number, 4050)
    .option('--host <address>', 'on which address', '127.0.0.1')
    .option('--seed <n>', 'the same seed gives the same data and the same faults', Number, 7)
    .option('--share <n>', 'how much of the business: 1 is 9,025 invoices and 15,270 contacts', Number, 1)
    .option('--dirt <factor>', 'how dirty: 1 as usual, 0 clean', Number, 1)
    .option('--latency-ms <n>', 'how long every answer takes at least', Number, 0)
    .option('--xendit-rate <n>', 'requests a minute for each endpoint of Xendit; 0 for no limit', Number, 600)
    .option('--systemeio-rate <n>', 'requests a minute at Systeme.io; 0 for no limit', Number, 60)
    .option('--manifest <file>', 'write what is in the data, and what becomes of it, to this file')
    .option('--csv <folder>', 'write the legacy exports xendit.csv and systemeio.csv there, and serve nothing')
    .addOption(
      new Option('--faults <rules>', `${Object.keys(FAULT_PRESETS).join(', ')}, JSON, or @file with JSON`)
        .argParser(parseFaults)
        .default([], 'none'),
    )
    .action(serve);
}

async function serve(flags: Flags): Promise<void> {
  const { host, seed, share, dirt, latencyMs } = flags;
  if (flags.csv !== undefined) return writeCsv(flags.csv, flags);
  const common = { host, seed, share, dirt, latencyMs, faults: [...flags.faults] };
  const xendit = await startXenditSandbox({ ...common, port: flags.xenditPort, ratePerMinute: flags.xenditRate });
  const systemeio = await startSystemeioSandbox({
    ...common,
    port: flags.systemeioPort,
    ratePerMinute: flags.systemeioRate,
  });
  if (flags.manifest !== undefined) writeFileSync(flags.manifest, `${JSON.stringify(xendit.manifest, null, 2)}\n`);
  const { sources } = xendit.manifest;
  const lines = [
    `Xendit sandbox     ${xendit.url}  (${sources.transactions} transactions, ${sources.invoices} invoices)`,
    `  secret key       ${xendit.secretKey}`,
    `Systeme.io sandbox ${systemeio.url}  (${sources.contacts} contacts)`,
    `  API key          ${systemeio.apiKey}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  await waitForStopSignal();
  await Promise.all([xendit.close(), systemeio.close()]);
}

function writeCsv(folder: string, flags: Flags): void {
  const { csv, manifest } = generateLaunch(flags);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'xendit.csv'), csv.xendit);
  writeFileSync(join(folder, 'systemeio.csv'), csv.systemeio);
  if (flags.manifest !== undefined) writeFileSync(flags.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  process.stdout.write(`${join(folder, 'xendit.csv')}\n${join(folder, 'systemeio.csv')}\n`);
}
