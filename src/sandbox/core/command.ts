import { readFileSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type FaultRule, faultRulesSchema } from './faults.ts';

// The parts that the sandbox commands share: flags, the manifest file, and serving until the process is stopped.

/** The flags of every command that serves. */
export interface ServeFlags {
  host: string;
  seed: number;
  latencyMs: number;
  faults: readonly FaultRule[];
}

/** The flags of a command that starts one sandbox. */
export interface SingleServeFlags extends ServeFlags {
  port: number;
  journal?: string;
}

/** A command with the flags of every serving sandbox. `seeded` completes the help of `--seed`. */
export function serveCommand(name: string, description: string, seeded = 'the same data'): Command {
  return new Command(name)
    .description(description)
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--seed <n>', `the same seed gives ${seeded} and the same faults`, Number, 7)
    .option('--latency-ms <n>', 'minimum time until an answer is sent', Number, 0)
    .addOption(
      new Option('--faults <rules>', `${Object.keys(FAULT_PRESETS).join(', ')}, JSON, or @file with JSON`)
        .argParser(parseFaults)
        .default([], 'none'),
    );
}

/** The same for a command that starts one sandbox: adds `--port` and `--journal`. */
export function singleServeCommand(name: string, description: string, port: number, seeded?: string): Command {
  return serveCommand(name, description, seeded)
    .option('--port <n>', 'the port to listen on; 0 takes a free port', Number, port)
    .option('--journal <file>', 'append every request to this file, one JSON object per line');
}

export function dirtOption(): Option {
  return new Option('--dirt <factor>', 'how dirty: 1 as usual, 0 clean').argParser(Number).default(1);
}

export function manifestOption(): Option {
  return new Option('--manifest <file>', 'write the contents of the data and the expected outcomes to this file');
}

/** The flags as options of a sandbox's start function: rules copied, `--journal` under the option's name. */
export function sandboxOptionsOf<F extends SingleServeFlags>({ journal, faults, ...flags }: F) {
  return { ...flags, faults: [...faults], ...(journal === undefined ? {} : { journalFile: journal }) };
}

/** Writes the manifest as indented JSON; does nothing without a file name. */
export function writeManifest(file: string | undefined, manifest: unknown): void {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Prints the banner, waits for SIGINT or SIGTERM, then closes every sandbox. */
export async function serveUntilStopped(
  banner: readonly string[],
  ...sandboxes: readonly { close(): Promise<void> }[]
): Promise<void> {
  process.stdout.write(`${banner.join('\n')}\n`);
  await waitForStopSignal();
  await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
}

/** The banner's line on the control surface. */
export function controlLine(url: string, areas: string): string {
  return `  control        ${new URL('/__sandbox/', url)}{${areas}}`;
}

function waitForStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** Named mixtures of faults for `--faults`. */
const FAULT_PRESETS: Readonly<Record<string, readonly FaultRule[]>> = {
  none: [],
  /** An ordinary bad day of a provider. */
  storm: [
    { fault: 'throttle', rate: 0.02, retryAfter: 1 },
    { fault: 'throttle', rate: 0.01 },
    { fault: 'unavailable', rate: 0.02 },
    { fault: 'error', rate: 0.01 },
    { fault: 'drop-before', rate: 0.005 },
    { fault: 'slow', rate: 0.01, delayMs: 1500 },
  ],
  /** Every fault that does not change records. */
  chaos: [
    { fault: 'throttle', rate: 0.03, retryAfter: 1 },
    { fault: 'throttle', rate: 0.01, retryAfter: 1, retryAfterForm: 'date' },
    { fault: 'throttle', rate: 0.01, retryAfterForm: 'garbage' },
    { fault: 'unavailable', rate: 0.03 },
    { fault: 'error', rate: 0.02 },
    { fault: 'drop-before', rate: 0.01 },
    { fault: 'drop-after', rate: 0.01 },
    { fault: 'drop-midway', rate: 0.01 },
    { fault: 'truncate', rate: 0.01 },
    { fault: 'html', rate: 0.01 },
    { fault: 'slow', rate: 0.01, delayMs: 1500 },
    { fault: 'clamp', operation: 'list', rate: 0.1, limit: 37 },
    { fault: 'repeat-page', operation: 'list', rate: 0.02 },
  ],
};

/** Fault rules from the command line: a preset's name, `@file` with JSON, or JSON itself. */
function parseFaults(text: string): readonly FaultRule[] {
  const preset = FAULT_PRESETS[text];
  if (preset !== undefined) return preset;
  const json = text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text;
  return faultRulesSchema.parse(JSON.parse(json));
}
