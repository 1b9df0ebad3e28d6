#!/usr/bin/env node
// The command line: from the sources in a checkout, from dist/ in an installation without sources.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

if (existsSync(fileURLToPath(new URL('../src/cli/main.ts', import.meta.url)))) {
  const { runCompiled } = await import('./stack/run-compiled.mjs');
  await runCompiled('src/cli/main.ts', process.argv.slice(2));
} else {
  await import(new URL('../dist/src/cli/main.js', import.meta.url).href);
}
