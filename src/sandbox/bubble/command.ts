import { Command } from 'commander';
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
import { writeBubbleCsvExport } from './csv-export.ts';
import { type BubbleSandbox, startBubbleSandbox } from './sandbox.ts';
import { BUBBLE_TYPES } from './schema.ts';

interface BubbleFlags extends SingleServeFlags {
  users: number;
  dirt: number;
  wall: number;
  ratePerMinute: number;
  hiddenShare: number;
  apiKey: string;
  manifest?: string;
}

/** `sandbox bubble`: serves a generated application until it is stopped. */
export function bubbleCommand(): Command {
  return singleServeCommand(
    'bubble',
    "a server that behaves like Bubble's Data API, with generated data of known dirt",
    4010,
  )
    .option('--users <n>', 'number of users; all other counts are proportional to it', Number, 5000)
    .addOption(dirtOption())
    .option('--wall <n>', 'the offset at which pages end', Number, 50_000)
    .option('--rate-per-minute <n>', 'requests allowed in any minute; 0 for no limit', Number, 15_000)
    .option('--hidden-share <n>', 'share of things hidden from the user token', Number, 0)
    .option('--api-key <key>', "the admin's token", 'sandbox-admin-key')
    .addOption(manifestOption())
    .action(serve);
}

async function serve({ manifest, ...flags }: BubbleFlags): Promise<void> {
  const sandbox = await startBubbleSandbox(sandboxOptionsOf(flags));
  writeManifest(manifest, sandbox.manifest);
  await serveUntilStopped(banner(sandbox), sandbox);
}

function banner({ url, apiKey, userKey, manifest }: BubbleSandbox): string[] {
  const counts = BUBBLE_TYPES.map((type) => {
    const { total, outcomes } = manifest.types[type];
    const { reconciled, skipped, rejected, blocked } = outcomes;
    return `  ${type.padEnd(14)} ${total}  (to load ${reconciled}, skip ${skipped}, reject ${rejected}, block ${blocked})`;
  });
  const control = controlLine(url, 'journal,faults,manifest,settings,clock,data');
  return [`Bubble sandbox  ${url}`, `  admin token    ${apiKey}`, `  user token     ${userKey}`, ...counts, control];
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

/** `sandbox bubble-csv`: writes the five files and ends. */
export function bubbleCsvCommand(): Command {
  return new Command('bubble-csv')
    .description("the same data in the format of Bubble's own CSV export")
    .requiredOption('--out <dir>', 'the directory for the five files')
    .option('--users <n>', 'number of users; all other counts are proportional to it', Number, 5000)
    .option('--seed <n>', 'the same seed gives the same data', Number, 7)
    .addOption(dirtOption())
    .option('--zone <name>', 'time zone of the export', 'Asia/Manila')
    .option('--bom', 'begin with a byte order mark')
    .option('--crlf', 'end lines with CR LF')
    .option('--shuffle-columns', 'write the columns in a random order')
    .option('--extra-columns <titles...>', 'additional columns that no plan maps', [])
    .option('--omit-columns <titles...>', 'columns to leave out', [])
    .addOption(manifestOption())
    .action(writeExport);
}

function writeExport({ out, manifest, ...options }: ExportFlags): void {
  const written = writeBubbleCsvExport(out, options);
  writeManifest(manifest, written.manifest);
  for (const file of Object.values(written.files)) process.stdout.write(`${file}\n`);
}
