import type { JournalEntry } from '../../src/sandbox/core/journal.ts';

/** How much of one limit was used. Counted are requests that were let in. */
export interface LimitUsage {
  /** `stripe`, or an endpoint: `POST /v1/products`. */
  readonly limit: string;
  /** Requests a second that the fleet is told to keep. */
  readonly allowed: number;
  /** Requests a second from the first to the last of them. */
  readonly used: number;
  readonly share: number;
  /** The most in any sliding second, as the sandbox saw them arrive. */
  readonly peak: number;
  /** Answered 429. */
  readonly refused: number;
}

/** The limits of a run, the one that bound it first: recomputed from the sandbox's journal and nothing else. */
export function limitUsage(
  entries: readonly JournalEntry[],
  allowed: { readonly fleet: number; readonly endpoint: number },
): readonly LimitUsage[] {
  const endpoints = [...new Set(entries.flatMap(({ notes }) => notes?.endpoint ?? []))];
  const uses = [
    usageOf('stripe', allowed.fleet, entries),
    ...endpoints.map((name) =>
      usageOf(
        name,
        allowed.endpoint,
        entries.filter(({ notes }) => notes?.endpoint === name),
      ),
    ),
  ];
  return uses.sort((a, b) => b.share - a.share);
}

function usageOf(limit: string, allowed: number, entries: readonly JournalEntry[]): LimitUsage {
  const times = entries.filter(({ status }) => status !== 429).map(({ at }) => at);
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
  const used = seconds > 0 ? (times.length - 1) / seconds : 0;
  const refused = entries.length - times.length;
  return { limit, allowed, used: round(used), share: round(used / allowed), peak: peakOf(times), refused };
}

function peakOf(times: readonly number[]): number {
  let first = 0;
  let peak = 0;
  for (const [last, at] of times.entries()) {
    while (at - (times[first] ?? 0) >= 1_000) first += 1;
    peak = Math.max(peak, last - first + 1);
  }
  return peak;
}

const round = (value: number): number => Math.round(value * 100) / 100;
