#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { readEnvironment } from './environment.ts';
import { runCli } from './run-cli.ts';

/** Asks the operator on the terminal; undefined without a terminal. Questions go to stderr: stdout is for results. */
function createPrompt(): ((question: string) => Promise<string>) | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    // Ctrl-C and Ctrl-D mean no.
    const closed = new Promise<string>((done) => reader.once('close', () => done('')));
    try {
      return await Promise.race([reader.question(question), closed]);
    } finally {
      reader.close();
    }
  };
}

// `drover runs | head` closes the pipe before everything is written; that is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// Not process.exit: it would truncate output that is still being written to a pipe.
process.exitCode = await runCli(process.argv.slice(2), {
  streams: { stdout: process.stdout, stderr: process.stderr },
  environment: readEnvironment(),
  ask: createPrompt(),
});
