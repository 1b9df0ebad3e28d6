import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder with package.json: the same from the sources and from dist/. */
export function checkoutRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('No package.json above this file: run Drover from its checkout.');
    folder = parent;
  }
  return folder;
}

/** Takes from the checkout's `.env` what the environment does not say; most checkouts have none. */
export function readEnvFile(): void {
  try {
    process.loadEnvFile(join(checkoutRoot(), '.env'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
