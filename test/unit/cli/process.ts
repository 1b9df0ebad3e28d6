import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { nodeArgs } from '../../../scripts/stack/compiled.ts';
import { type CommandResult, commandResult } from './drover.ts';

export interface RunningDrover {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves when the text has appeared on stdout or stderr. */
  waitForOutput(text: string): Promise<void>;
}

/** Starts the real program in a process of its own. The environment holds nothing but what is given. */
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
