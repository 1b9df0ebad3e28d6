import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { settingsFrom } from '../../src/cli/environment.ts';
import { runCli } from '../../src/cli/run-cli.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  json<T = Record<string, unknown>>(): T;
}

export interface CommandContext {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly ask?: (question: string) => Promise<string>;
  readonly tty?: boolean;
  readonly colour?: boolean;
}

/** Runs a command line in this process, against a real server, with captured streams. */
export async function runDrover(
  url: string,
  args: readonly string[],
  around: CommandContext = {},
): Promise<CommandResult> {
  const { env = {}, cwd = process.cwd(), ask, tty = false, colour = false } = around;
  const stdout = capture(tty);
  const stderr = capture(tty);
  const code = await runCli(args, {
    streams: { stdout, stderr },
    environment: {
      noColour: !colour,
      settings: () => settingsFrom({ DROVER_URL: url, DROVER_TOKEN: 'dk_1.secret', ...env }, cwd),
    },
    ask,
  });
  return commandResult(code, stdout.text(), stderr.text());
}

function commandResult(code: number, stdout: string, stderr: string): CommandResult {
  return { code, stdout, stderr, json: <T>() => JSON.parse(stdout) as T };
}

export function capture(isTTY = false): { write(text: string): boolean; text(): string; isTTY: boolean } {
  let all = '';
  return {
    isTTY,
    write(text) {
      all += text;
      return true;
    },
    text: () => all,
  };
}

export interface RunningDrover {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves when the text has appeared on stdout or stderr. */
  waitForOutput(text: string): Promise<void>;
}

/** Starts the real program in a separate process with only the given environment. */
export function spawnDrover(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): RunningDrover {
  const child = spawn(process.execPath, nodeArgs('src/cli/main.ts', args), {
    env: { PATH: process.env.PATH ?? '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => commandResult(code as number, stdout, stderr));
  return {
    child,
    ended,
    async waitForOutput(text) {
      while (!(stdout + stderr).includes(text)) {
        if (child.exitCode !== null) throw new Error(`it ended without "${text}": ${stdout}${stderr}`);
        await new Promise((done) => setTimeout(done, 20));
      }
    },
  };
}

/** A folder for the calling test, deleted after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
