import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the clean-up on the first signal and exits as the shell expects; a second signal does not wait for it. */
export function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false;
  for (const name of SIGNALS) {
    process.on(name, () => {
      const code = 128 + constants.signals[name];
      if (stopping) process.exit(code);
      stopping = true;
      stop().then(
        () => process.exit(code),
        (error: unknown) => {
          console.error(error instanceof Error ? error.message : error);
          process.exit(1);
        },
      );
    });
  }
}
