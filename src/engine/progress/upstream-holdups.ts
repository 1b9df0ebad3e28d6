import type { Holdup } from '../control/contract.ts';

/** Where an upstream stands for the whole fleet. Times are ISO 8601. */
export interface UpstreamStand {
  readonly name: string;
  readonly endpoint: string | null;
  readonly blockedUntil: string | null;
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly breakerOpenUntil: string | null;
  readonly failuresInARow: number;
}

/** Pure: upstreams of the plan that let nothing through at the moment. Endpoints share the breaker of their upstream. */
export function upstreamHoldups(
  stands: readonly UpstreamStand[],
  names: readonly string[],
  now: Date,
): readonly Holdup[] {
  return stands
    .filter(({ name }) => names.includes(name))
    .flatMap((stand): Holdup[] => {
      if (stand.breaker === 'open' && stand.endpoint === null) return [broken(stand, now)];
      return stand.blockedUntil === null || stand.blockedUntil <= now.toISOString() ? [] : [throttled(stand, now)];
    });
}

function broken({ name, failuresInARow, breakerOpenUntil }: UpstreamStand, now: Date): Holdup {
  const again = breakerOpenUntil === null ? '' : `, tried again in ${secondsTo(breakerOpenUntil, now)} s`;
  return {
    code: 'BREAKER_OPEN',
    what: `held by the breaker of ${name}: ${failuresInARow} requests in a row failed${again}`,
    clears: `by itself, when ${name} answers again`,
    until: breakerOpenUntil,
  };
}

function throttled({ name, endpoint, blockedUntil }: UpstreamStand, now: Date): Holdup {
  const where = endpoint === null ? name : `${name} (${endpoint})`;
  return {
    code: 'UPSTREAM_THROTTLED',
    what: `waiting for ${where}: 429, next token in ${secondsTo(String(blockedUntil), now)} s`,
    clears: `by itself; \`drover limits ${name}\` asks for less, so that it happens less often`,
    until: blockedUntil,
  };
}

function secondsTo(at: string, now: Date): number {
  return Math.max(0, Math.ceil((Date.parse(at) - now.getTime()) / 1_000));
}
