import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { FAULT_PRESETS, parseFaults, waitForStopSignal } from '../core/command.ts';
import { writeBubbleCsvExport } from './csv-export.ts';
import { type BubbleSandbox, startBubbleSandbox } from './sandbox.ts';
import { BUBBLE_TYPES } from './schema.ts';

interface ServeFlags {
  port: number;
  host: string;
  users: number;
  seed: number;
  dirt: number;
  wall: number;
  latencyMs: number;
  ratePerMinute: number;
  hiddenShare: number;
  faults: ReturnType<typeof parseFaults>;
  apiKey: string;
  journal?: string;
  manifest?: string;
}

/** `sandbox bubble`: serves a generated application until it is stopped. */
export function bubbleCommand(): Command {
  return new Command('bubble')
    .description("a server that behaves like Bubble's Data API, with generated data of known dirt")
    .option('--port <n>', 'where to listen; 0 takes a free port', Number, 4010)
    .option('--host <address>', 'on which address', '127.0.0.1')
    .option('--users <n>', 'how many users; everything else grows with them', Number, 5000)
    .option('--seed <n>', 'the same seed gives the same data and the same faults', Number, 7)
    .option('--dirt <factor>', 'how dirty: 1 as usual, 0 clean', Number, 1)
    .option('--wall <n>', 'the offset at which pages end', Number, 50_000)
    .option('--latency-ms <n>', 'how long every answer takes at least', Number, 0)
    .option('--rate-per-minute <n>', 'requests allowed in any minute; 0 for no limit', Number, 15_000)
    .option('--hidden-share <n>', 'share of things hidden from the user token', Number, 0)
    .option('--api-key <key>', "the admin's token", 'sandbox-admin-key')
    .option('--journal <file>', 'append every request to this file, a JSON object a line')
    .option('--manifest <file>', 'write what is in the data, and what becomes of it, to this file')
    .addOption(
      new Option('--faults <rules>', `${Object.keys(FAULT_PRESETS).join(', ')}, JSON, or @file with JSON`)
        .argParser(parseFaults)
        .default([], 'none'),
    )
    .action(serve);
}

async function serve({ journal, manifest, ...flags }: ServeFlags): Promise<void> {
  const options = { ...flags, faults: [...flags.faults], ...(journal === undefined ? {} : { journalFile: journal }) };
  const sandbox = await startBubbleSandbox(options);
  if (manifest !== undefined) writeFileSync(manifest, `${JSON.stringify(sandbox.manifest, null, 2)}\n`);
  process.stdout.write(banner(sandbox));
  await waitForStopSignal();
  await sandbox.close();
}

function banner({ url, apiKey, userKey, manifest }: BubbleSandbox): string {
  const counts = BUBBLE_TYPES.map((type) => {
    const { total, outcomes } = manifest.types[type];
    const { reconciled, skipped, rejected, blocked } = outcomes;
    return `  ${type.padEnd(14)} ${total}  (to load ${reconciled}, skip ${skipped}, reject ${rejected}, block ${blocked})`;
  });
  const lines = [`Bubble sandbox  ${url}`, `  admin token    ${apiKey}`, `  user token     ${userKey}`, ...counts];
  return `${lines.join('\n')}\n  control        ${new URL('/__sandbox/', url)}{journal,faults,manifest,settings,clock,data}\n`;
}

interface ExportFlags {
  out: string;
  users: number;
  seed: number;
  dirt: number;
  zone: string;
  bom?: true;
  crlf?: true;
  shuffleColumns?: true;
  extraColumns: string[];
  omitColumns: string[];
  manifest?: string;
}

/** `sandbox bubble-csv`: writes the five files and is done. */
export function bubbleCsvCommand(): Command {
  return new Command('bubble-csv')
    .description("the same data in the format of Bubble's own CSV export")
    .requiredOption('--out <dir>', 'where the five files go')
    .option('--users <n>', 'how many users; everything else grows with them', Number, 5000)
    .option('--seed <n>', 'the same seed gives the same data', Number, 7)
    .option('--dirt <factor>', 'how dirty: 1 as usual, 0 clean', Number, 1)
    .option('--zone <name>', 'time zone of the person who exports', 'Asia/Manila')
    .option('--bom', 'begin with a byte order mark')
    .option('--crlf', 'end lines as Windows does')
    .option('--shuffle-columns', 'columns in any order')
    .option('--extra-columns <titles...>', 'columns nobody maps', [])
    .option('--omit-columns <titles...>', 'columns to leave out', [])
    .option('--manifest <file>', 'write what is in the data, and what becomes of it, to this file')
    .action(writeExport);
}

function writeExport({ out, manifest, ...options }: ExportFlags): void {
  const made = writeBubbleCsvExport(out, options);
  if (manifest !== undefined) writeFileSync(manifest, `${JSON.stringify(made.manifest, null, 2)}\n`);
  for (const file of Object.values(made.files)) process.stdout.write(`${file}\n`);
}
