import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkoutRoot } from './stack/checkout.ts';
import { nodeArgs } from './stack/compiled.ts';

const endWithParent = pathToFileURL(join(checkoutRoot(), 'scripts/end-with-parent.mjs')).href;

export interface Children {
  /** Starts a script of the checkout; `nodeOptions` are options of node itself. */
  start(
    name: string,
    script: string,
    env: Readonly<Record<string, string | undefined>>,
    nodeOptions?: readonly string[],
  ): ChildProcess;
  /** Resolves with the first child that ends by itself. */
  readonly ended: Promise<string>;
  /** Asks all to end, and waits until they have. */
  stop(): Promise<void>;
}

/** The processes of a local service: they end together. */
export function createChildren(): Children {
  const running = new Map<string, ChildProcess>();
  let tell: (name: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    tell = resolve;
  });
  let stopping = false;
  return {
    ended,
    start(name, script, env, nodeOptions = []) {
      const child = spawn(process.execPath, nodeArgs(script, [], ['--import', endWithParent, ...nodeOptions]), {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // Its own group: Ctrl-C reaches only us, and we end the children in order.
        detached: true,
      });
      running.set(name, child);
      child.once('exit', () => {
        running.delete(name);
        if (!stopping) tell(name);
      });
      return child;
    },
    async stop() {
      stopping = true;
      const gone = [...running.values()].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exit = once(child, 'exit');
        child.kill('SIGTERM');
        await exit;
      });
      await Promise.all(gone);
    },
  };
}

/**
 * Options of node for a worker process; `npm run worker` and docker-compose.yml give the same. Most of what a job leaves behind
 * is dead within a second, and with V8's 16 MB for the young it is copied about before that: with 32 MB a record took a worker
 * 80 µs of a core less, of 870.
 */
export const workerFlags = ['--max-semi-space-size=32'] as const;
