/** What an upstream can say at most: a clock gone wrong must not stop a fleet for years. It may say it again. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * For how long the upstream asks to be left alone, in milliseconds, or undefined when it does not say or says garbage.
 * Reads `Retry-After` (seconds or HTTP date), `Rate-Limit-Reset` and `X-RateLimit-Reset` (seconds, or seconds or
 * milliseconds since 1970). A date is measured against the answer's own `Date`, because clocks differ.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const today = Date.parse(headers.date ?? '');
  const reference = Number.isNaN(today) ? now : today;
  const asked =
    fromRetryAfter(headers['retry-after'], reference) ??
    fromReset(headers['rate-limit-reset'], reference) ??
    fromReset(headers['ratelimit-reset'], reference) ??
    fromReset(headers['x-ratelimit-reset'], reference);
  return asked === undefined ? undefined : Math.min(Math.max(asked, 0), maxRetryAfterMs);
}

function fromRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  const seconds = secondsOf(text);
  if (seconds !== undefined) return seconds * 1_000;
  // Date.parse alone would take "soon 5" for the year 2001.
  const date = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date - now;
}

function fromReset(value: string | undefined, now: number): number | undefined {
  const number = secondsOf(value?.trim() ?? '');
  if (number === undefined) return undefined;
  if (number > 1e11) return number - now;
  if (number > 1e8) return number * 1_000 - now;
  return number * 1_000;
}

function secondsOf(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
