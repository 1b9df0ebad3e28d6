/** How many records of a run were settled at a moment, of how many. */
export interface Sample {
  readonly at: Date;
  readonly done: number;
  readonly total: number;
}

// Long enough to level out batches that land together, short enough to show a slowdown while it matters.
const windowMs = 30_000;
const shortestMs = 1_000;

/**
 * Records settled per second, lately. Only steps forward count: a replay takes records back, which is no negative
 * speed. The window ends now and not at the last sample, so a run that stands still slows down to zero; samples from
 * before a pause have left it.
 */
export function perSecond(samples: readonly Sample[], now: Date): number {
  const since = now.getTime() - windowMs;
  const recent = samples
    .filter((sample) => sample.at.getTime() >= since && sample.at.getTime() <= now.getTime())
    .sort((a, b) => a.at.getTime() - b.at.getTime());
  const [first] = recent;
  if (!first) return 0;
  const elapsedMs = now.getTime() - first.at.getTime();
  if (elapsedMs < shortestMs) return 0;
  let done = 0;
  for (const [index, sample] of recent.entries()) {
    const before = recent[index - 1];
    if (before) done += Math.max(0, sample.done - before.done);
  }
  return Math.round((done * 10_000) / elapsedMs) / 10;
}
