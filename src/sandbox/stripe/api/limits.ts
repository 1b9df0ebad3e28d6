import { type Clock, WindowLimiter } from '../../core/clock.ts';
import type { FaultRule } from '../../core/faults.ts';
import { StripeFailure } from '../failure.ts';
import type { StripeSettings } from '../options.ts';

/** The rate limits: requests in any second for each account, and for each endpoint of an account. */
export class Limits {
  readonly #settings: Readonly<StripeSettings>;
  readonly #clock: Clock;
  readonly #limiters = new Map<string, WindowLimiter>();

  constructor(settings: Readonly<StripeSettings>, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Admits the request, or throws the 429 with the exceeded limit. Rejected requests do not count. */
  admit(account: string, endpoint: string): void {
    const { globalRps, endpointRps, searchRps } = this.#settings;
    const perEndpoint = endpoint.endsWith('/search') ? searchRps : endpointRps;
    const global = this.#limiter(account, globalRps);
    const own = this.#limiter(`${account} ${endpoint}`, perEndpoint);
    if (own !== undefined && own.waitMs() > 0) throw rateLimited('endpoint-rate');
    if (global !== undefined && global.waitMs() > 0) throw rateLimited('global-rate');
    global?.tryAcquire();
    own?.tryAcquire();
  }

  #limiter(name: string, limit: number): WindowLimiter | undefined {
    if (limit === 0) return undefined;
    const key = `${name} ${limit}`;
    const existing = this.#limiters.get(key);
    if (existing !== undefined) return existing;
    const limiter = new WindowLimiter(limit, 1000, this.#clock);
    this.#limiters.set(key, limiter);
    return limiter;
  }
}

/** The 429 of a `throttle` fault. */
export function throttled(rule: FaultRule): StripeFailure {
  return rule.code === 'lock_timeout' ? lockTimeout() : rateLimited(rule.reason ?? 'global-rate');
}

function rateLimited(reason: string): StripeFailure {
  const message =
    'Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.';
  return new StripeFailure(429, message, { code: 'rate_limit' }, { headers: { 'stripe-rate-limited-reason': reason } });
}

/** The 429 for contention on one object. No rate limit is exceeded, so there is no reason header. */
function lockTimeout(): StripeFailure {
  const message =
    'This object cannot be accessed right now because another API request or Stripe process is currently accessing ' +
    'it. If you see this error intermittently, retry the request.';
  return new StripeFailure(429, message, { code: 'lock_timeout' }, { headers: { 'stripe-should-retry': 'true' } });
}

/** The objects that are being written, and until when. */
export class ObjectLocks {
  readonly #busyUntil = new Map<string, number>();
  readonly #clock: Clock;
  readonly #waitMs: () => number;

  constructor(clock: Clock, waitMs: () => number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** Locks the object for the duration of the request. Throws `lock_timeout` when another request holds it for too long. */
  acquire(name: string, busyMs: number): void {
    const now = this.#clock.now();
    const left = (this.#busyUntil.get(name) ?? 0) - now;
    if (left > this.#waitMs()) throw lockTimeout();
    if (left <= 0) this.#busyUntil.delete(name);
    if (busyMs > 0) this.#busyUntil.set(name, Math.max(now, now + left) + busyMs);
  }
}
