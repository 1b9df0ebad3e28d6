import type { Redis } from 'ioredis';
import { acquireTokenLua, reportLua } from '../../src/upstreams/limiter.lua.ts';
import { parseTokenGrant, type TokenGrant } from '../../src/upstreams/limiter.ts';
import { upstreamDefaults } from '../../src/upstreams/options.ts';
import { upstreamKeys } from '../../src/upstreams/redis.ts';

// The time is the last argument instead of Redis's own clock, so that a test can simulate a minute at once.
const testClock = 'local now = tonumber(ARGV[#ARGV])\n';

export interface AcquireRequest {
  rps: number;
  endpointRps?: number;
  interactive?: boolean;
  budgetMs?: number;
  last?: TokenGrant | undefined;
  endpoint?: string;
}

export interface ReportOptions {
  pauseMs?: number;
  probe?: boolean;
}

/** The limiter's scripts on a real Redis, with a clock that the test advances. Times in milliseconds. */
export class LimiterFixture {
  readonly #redis: Redis;
  readonly #prefix: string;
  now = 1_700_000_000_000;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async acquireToken({
    rps,
    endpointRps,
    interactive = false,
    budgetMs = 5_000,
    last,
    endpoint = 'x',
  }: AcquireRequest): Promise<TokenGrant> {
    const keys = upstreamKeys(this.#prefix);
    const { limiter } = upstreamDefaults;
    const answer = await this.#redis.eval(
      acquireTokenLua(testClock),
      4,
      ...[keys.bucket('up'), keys.bucket('up', endpoint), keys.overrides, keys.index],
      ...['up', `up/${endpoint}`, rps, endpointRps ?? '', budgetMs * 1_000, interactive ? '1' : '0'],
      ...[last?.queuePosition ?? '0', last?.generation ?? ''],
      ...[1_000_000 + (limiter.toleranceMs + limiter.jitterMs) * 1_000, limiter.toleranceMs * 1_000],
      ...[limiter.regrowthPerSecond / 1_000_000, 35_000_000, this.now * 1_000],
    );
    return parseTokenGrant(answer);
  }

  async report(outcome: string, { pauseMs = 0, probe = false }: ReportOptions = {}): Promise<void> {
    const bucket = upstreamKeys(this.#prefix).bucket('up');
    const { breaker, limiter } = upstreamDefaults;
    await this.#redis.eval(
      reportLua(testClock),
      2,
      ...[bucket, bucket, outcome, pauseMs * 1_000, probe ? '1' : '0'],
      ...[breaker.failures, breaker.pauseMs * 1_000, breaker.maxPauseMs * 1_000],
      ...[limiter.throttledFactor, limiter.minFactor, limiter.regrowthPerSecond / 1_000_000, this.now * 1_000],
    );
  }

  /** Requests tokens as a caller does, waiting as long as each reply says, until one is granted. */
  async acquire(ask: AcquireRequest): Promise<void> {
    let last: TokenGrant | undefined;
    for (;;) {
      last = await this.acquireToken({ ...ask, last });
      if (last.decision === 'granted') return;
      if (last.decision !== 'wait') throw new Error(last.decision);
      this.now += Math.max(0.05, Math.min(last.waitMs, 1_000));
    }
  }
}
