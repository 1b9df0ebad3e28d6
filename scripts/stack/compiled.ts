import { join } from 'node:path';
import { ensureBuild } from './build.mjs';
import { checkoutRoot } from './checkout.ts';

// In the environment, so that every process below a command runs the same state of the sources as the command does.
const variable = 'CHECKOUT_COMPILED_TO';

/** Compiles the checkout where that is needed; from here on this process and its children start scripts from the result. */
export function useBuild(): string {
  const folder = process.env[variable] ?? ensureBuild(checkoutRoot());
  process.env[variable] = folder;
  return folder;
}

/** The compiled form of a script of the checkout, given by its path from the root. */
export function compiledFile(script: string): string {
  return join(useBuild(), script.replace(/\.ts$/, '.js'));
}

/** The arguments of node that run a script of the checkout; `nodeOptions` are options of node itself. */
export function nodeArgs(script: string, args: readonly string[] = [], nodeOptions: readonly string[] = []): string[] {
  return [...nodeOptions, compiledFile(script), ...args];
}
