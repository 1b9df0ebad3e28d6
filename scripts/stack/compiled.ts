import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkoutRoot } from './checkout.ts';

// In the environment, so that the processes of a test runner know it as well.
const variable = 'CHECKOUT_COMPILED_TO';

/**
 * Compiles the whole checkout into a folder below it, for processes that are started by the dozen: under tsx each takes a
 * second of a core more until it is ready (2.2 s instead of 0.8 s for a worker). Takes some two seconds itself; nothing is
 * checked. From here on `runnable` answers what was compiled.
 */
export async function compileCheckout(folder: string): Promise<void> {
  const root = checkoutRoot();
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  await promisify(execFile)(tsc, ['-p', join(root, 'tsconfig.compiled.json'), '--outDir', folder], { cwd: root });
  process.env[variable] = folder;
}

/** The same for a command, into a folder that goes with its process. */
export async function compileForCommand(): Promise<void> {
  const folder = join(checkoutRoot(), '.drover', `compiled-${process.pid}`);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await compileCheckout(folder);
}

/** How node is told to run a script of the checkout, given by its path from the root. */
export function runnable(script: string): { readonly execArgv: readonly string[]; readonly file: string } {
  const folder = process.env[variable];
  if (folder !== undefined) return { execArgv: [], file: join(folder, script.replace(/\.ts$/, '.js')) };
  return { execArgv: ['--import', import.meta.resolve('tsx')], file: join(checkoutRoot(), script) };
}

/** The same as a list, with the script's own arguments; `first` are further options of node. */
export function nodeArgs(script: string, args: readonly string[] = [], first: readonly string[] = []): string[] {
  const { execArgv, file } = runnable(script);
  return [...execArgv, ...first, file, ...args];
}
