// Starts a script of the checkout from its compiled form. Plain Node: it runs before anything is compiled.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Imports the compiled form of a script into this very process, so that signals reach it directly and once. Sets the
 * checkout up and compiles it first where that was not done.
 * @param {string} script its path from the root of the checkout
 * @param {readonly string[]} args what the script finds behind its own name in `process.argv`
 */
export async function runCompiled(script, args) {
  if (!existsSync(join(root, 'node_modules', 'typescript'))) {
    execFileSync(process.execPath, [join(root, 'scripts', 'setup.mjs')], { stdio: ['ignore', 2, 2] });
  }
  const { ensureBuild } = await import('./build.mjs');
  const folder = ensureBuild(root, (message) => console.error(message));
  process.env.CHECKOUT_COMPILED_TO = folder;
  const file = join(folder, script.replace(/\.ts$/, '.js'));
  process.argv = [process.argv[0], file, ...args];
  await import(pathToFileURL(file).href);
}
