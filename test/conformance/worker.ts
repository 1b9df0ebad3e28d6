import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { nodeArgs } from '../../scripts/stack/compiled.ts';

export interface Worker {
  /** Serves with this environment from now on; a worker with another one is stopped first. */
  useEnvironment(env: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

/** A worker process, as operators start it, with its own threads and environment. */
export function createWorker(): Worker {
  let child: ChildProcess | undefined;
  let served = '';
  let said = '';

  async function stop(): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGTERM');
    await gone;
  }

  return {
    async useEnvironment(env) {
      if (child?.exitCode !== null && child !== undefined) throw new Error(`the worker ended: ${said}`);
      if (child !== undefined && served === JSON.stringify(env)) return;
      await stop();
      served = JSON.stringify(env);
      child = spawn(process.execPath, nodeArgs('workers/main.ts', ['--concurrency', '50']), {
        cwd: checkoutRoot(),
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child.stderr?.on('data', (text: Buffer) => {
        said = (said + text).slice(-2_000);
      });
    },
    stop,
  };
}
