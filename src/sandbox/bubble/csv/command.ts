import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { writeBubbleCsvExport } from './export.ts';

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
