import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { nodeArgs } from '../../stack/compiled.ts';

/** One real API process. */
export interface ApiProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ApiProcessOptions {
  /** The script and its arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** Starts it on a free port. Throws when it ends before it listens. */
export async function startApiProcess({ script, env, logFile }: ApiProcessOptions): Promise<ApiProcess> {
  const [file = '', ...args] = script;
  const child = spawn(process.execPath, nodeArgs(file, args), {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  const ended = exit.then(() => {
    throw new Error(`the API ended before it listened; see ${logFile}`);
  });
  const url = await Promise.race([waitForUrl(child, createWriteStream(logFile, { flags: 'a' })), ended]);
  ended.catch(() => undefined);
  return {
    url,
    async stop() {
      process.off('exit', orphaned);
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function waitForUrl(child: ChildProcess, log: WriteStream): Promise<string> {
  child.stderr?.pipe(log);
  return new Promise((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      const [, url] = /Drover API: (http:\S+)/.exec(String(chunk)) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
}
