import type { UpstreamOptions } from '../plan/upstream.ts';
import { limitName } from './keys.ts';
import type { LimiterDeps } from './limiter-deps.ts';
import { acquireTokenLua } from './lua/take.ts';
import type { UpstreamDefaults } from './options.ts';
import { createRedisScript } from './script.ts';

/** What the limiter's script answers; see its head. */
export interface TokenGrant {
  readonly decision: 'go' | 'wait' | 'later' | 'open';
  readonly waitMs: number;
  /** The caller's place in line, to be handed in with the next try. Opaque. */
  readonly queuePosition: string;
  readonly generation: string;
  readonly failures: number;
  readonly probe: boolean;
  readonly buckets: number;
}

export interface TokenRequest {
  readonly endpoint: string;
  readonly interactive: boolean;
  /** How much longer the caller can wait. */
  readonly budgetMs: number;
  /** What it was told before. */
  readonly last: TokenGrant | undefined;
}

/** Asks Redis once for the right to send a request. Throws REDIS_UNAVAILABLE when it does not answer. */
export function createTokenAcquirer(
  { redis, keys, defaults }: LimiterDeps,
  upstream: UpstreamOptions,
): (ask: TokenRequest) => Promise<TokenGrant> {
  const script = createRedisScript(redis, acquireTokenLua(), defaults.redisTimeoutMs);
  const settings = scriptSettings(defaults, upstream);
  const { name, maxRps, endpointMaxRps = '' } = upstream;
  return async ({ endpoint, interactive, budgetMs, last }) => {
    const budget = Math.max(0, Math.round(budgetMs * 1_000));
    const answer = await script(
      [keys.bucket(name), keys.bucket(name, endpoint), keys.overrides, keys.index],
      [
        ...[name, limitName(name, endpoint), maxRps, endpointMaxRps, budget, interactive ? '1' : '0'],
        ...[last?.queuePosition ?? '0', last?.generation ?? ''],
        ...settings,
      ],
    );
    return parseTokenGrant(answer);
  };
}

export function parseTokenGrant(answer: unknown): TokenGrant {
  const [verdict, wait, place, generation, failures, probe, buckets] = answer as [
    TokenGrant['decision'],
    ...(string | number)[],
  ];
  return {
    decision: verdict,
    waitMs: Number(wait) / 1_000,
    queuePosition: String(place),
    generation: String(generation),
    failures: Number(failures),
    probe: Number(probe) === 1,
    buckets: Number(buckets),
  };
}

function scriptSettings({ limiter, timeoutMs }: UpstreamDefaults, upstream: UpstreamOptions): number[] {
  // A probe's holder may die; by then its request is long over.
  const probeLeaseMs = (upstream.timeoutMs ?? timeoutMs) + 5_000;
  return [
    1_000_000 + (limiter.toleranceMs + limiter.jitterMs) * 1_000,
    limiter.toleranceMs * 1_000,
    limiter.regrowthPerSecond / 1_000_000,
    probeLeaseMs * 1_000,
  ];
}
