#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { readEnvironment } from './environment.ts';
import { runCli } from './run-cli.ts';

/** Asks the operator on the terminal; undefined where there is none. Questions go to stderr: stdout is for answers. */
function createPrompt(): ((question: string) => Promise<string>) | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    // Ctrl-C and Ctrl-D are a no.
    const closed = new Promise<string>((done) => reader.once('close', () => done('')));
    try {
      return await Promise.race([reader.question(question), closed]);
    } finally {
      reader.close();
    }
  };
}

// `drover runs | head` closes the pipe before everything is written: the reader has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// Not process.exit: it would cut off what is still being written to a pipe.
process.exitCode = await runCli(process.argv.slice(2), {
  streams: { stdout: process.stdout, stderr: process.stderr },
  environment: readEnvironment(),
  ask: createPrompt(),
});
