#!/usr/bin/env node
import { createPrompt } from './ask.ts';
import { readEnvironment } from './environment.ts';
import { runCli } from './run-cli.ts';

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
