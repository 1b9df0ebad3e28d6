import { settingsFrom } from '../../../src/cli/environment.ts';
import { runCli } from '../../../src/cli/run-cli.ts';

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

export function commandResult(code: number, stdout: string, stderr: string): CommandResult {
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
