import { join } from 'node:path';
import { checkoutRoot } from './checkout.ts';

/** Takes from the checkout's `.env` what the environment does not say; most checkouts have none. */
export function readEnvFile(): void {
  try {
    process.loadEnvFile(join(checkoutRoot(), '.env'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
