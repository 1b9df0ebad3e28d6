/**
 * Handles stop signals. npm, a shell and a terminal each forward a signal to the same process, some milliseconds apart, so one
 * Ctrl-C may arrive as several signals: all within a second of the first count as the first.
 */

const sameRequestMs = 1_000;

export interface StopHandlers {
  /** Called once, for the first signal. */
  readonly first: (signal: NodeJS.Signals) => void;
  /** Called for every signal that arrives a second or more after the first. */
  readonly again: (signal: NodeJS.Signals) => void;
}

/** Handles the signals until the function that it returns is called. `now` is monotonic, in milliseconds. */
export function handleStopSignals(
  signals: readonly NodeJS.Signals[],
  { first, again }: StopHandlers,
  now: () => number = () => performance.now(),
): () => void {
  let firstAt: number | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = now();
      first(signal);
    } else if (now() - firstAt >= sameRequestMs) {
      again(signal);
    }
  };
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}
