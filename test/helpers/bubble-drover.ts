import { type BubbleSandbox, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import { type Drover, startDrover } from './drover.ts';

export { operator } from './drover.ts';

/** A whole Drover in this process, on real stores, with a sandbox of a Bubble app as its source. */
export interface Migration extends Drover {
  readonly sandbox: BubbleSandbox;
}

/** Starts everything; `users` is the size of the app. It must be closed, or the test's process does not end. */
export async function startMigration(users: number): Promise<Migration> {
  const sandbox = await startBubbleSandbox({ users });
  const drover = await startDrover('bubble', { BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey });
  return {
    ...drover,
    sandbox,
    async close() {
      await drover.close();
      await sandbox.close();
    },
  };
}
