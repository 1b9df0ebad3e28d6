const firstMs = 1_000;
const longestMs = 60_000;

/** The pause before the next try, in milliseconds: doubled each time, at most a minute, half of it left to chance. */
export function backoff(attempts: number, random: () => number = Math.random): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempts, 10));
  return Math.round(full / 2 + (full / 2) * random());
}
