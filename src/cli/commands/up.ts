import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { packageRoot } from '../package-root.ts';
import { Problem } from '../problem.ts';

const upHelp = 'Without DATABASE_URL and REDIS_URL it starts a PostgreSQL and a Redis of its own, in .drover/.';

export const up: DefineCommand = (program, action) => {
  program
    .command('up')
    .description('start the service and one worker of all queues here, until Ctrl-C')
    .addHelpText('after', `\n${upHelp}\n${examples('up', 'up --json', 'help up')}`)
    .action(
      action(async ({ api, out, settings }) => {
        const ended = new AbortController();
        // A program that reads JSON needs to know when the API is ready; an operator reads the output of the API.
        if (out.json) {
          void waitUntilReady(api, ended.signal).then((is) => {
            if (is) out.answer({ url: settings.url, ready: true }, () => '');
          });
        }
        try {
          return await startService(out.json);
        } finally {
          ended.abort();
        }
      }),
    );
};

/** Waits until the API and its stores respond; false when the API ended before. */
async function waitUntilReady(api: Client, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    const answers = await api.request('GET', '//readyz', { signal: ended }).then(
      () => true,
      () => false,
    );
    if (answers) return true;
    await sleep(500, undefined, { signal: ended }).catch(() => {});
  }
  return false;
}

/**
 * What `npm start` does: sets up, then starts API and worker, in this process group, so that Ctrl-C reaches them
 * directly. With `quiet` their output goes to stderr.
 */
export async function startService(quiet: boolean, root: string = packageRoot()): Promise<ExitCode> {
  const setup = join(root, 'scripts', 'setup.mjs');
  const start = join(root, 'scripts', 'run.mjs');
  if (!existsSync(setup) || !existsSync(start)) {
    throw new Problem({
      code: 'NOT_A_CHECKOUT',
      message: `${root} has no scripts/run.mjs`,
      remedy: 'Run `drover up` in a checkout, or start API and workers as the compose file does.',
    });
  }
  const code = await runNode(root, [setup], quiet);
  if (code !== 0) return exitCodes.failures;
  return (await runNode(root, [start, 'scripts/start.ts'], quiet)) === 0 ? exitCodes.green : exitCodes.failures;
}

/** Runs Node with the arguments and returns its exit code. Signals to end are passed on to it. */
async function runNode(cwd: string, args: readonly string[], quiet: boolean): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['inherit', quiet ? process.stderr : 'inherit', 'inherit'],
  });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  // The terminal sends SIGINT to the whole group; this handler only keeps this process alive until the child has ended.
  const stay = (): void => {};
  process.on('SIGTERM', pass);
  process.on('SIGHUP', pass);
  process.on('SIGINT', stay);
  try {
    return await waitForExit(child);
  } finally {
    process.off('SIGTERM', pass);
    process.off('SIGHUP', pass);
    process.off('SIGINT', stay);
  }
}

function waitForExit(child: ChildProcess): Promise<number> {
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => done(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)));
  });
}
