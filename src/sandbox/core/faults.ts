import { z } from 'zod';
import { Random } from './random.ts';

/**
 * One thing that goes wrong, and when. The selector (`method`, `operation`, `resource`) says which requests the rule counts;
 * `nth`, `every`, `from`, `until`, `rate` and `times` say which of the counted ones it strikes. With none of them it strikes all.
 * Example: the third list request of bookings answers 429 with Retry-After 2:
 * `{ fault: 'throttle', operation: 'list', resource: 'booking', nth: 3, retryAfter: 2 }`.
 */
export const faultRuleSchema = z.strictObject({
  fault: z.enum([
    'throttle',
    'unavailable',
    'error',
    'error-after',
    'drop-before',
    'drop-after',
    'drop-midway',
    'slow',
    'truncate',
    'html',
    'clamp',
    'repeat-page',
    'insert',
    'delete',
    'modify',
  ]),
  method: z.string().optional(),
  operation: z.string().optional(),
  resource: z.string().optional(),
  nth: z.union([z.int().positive(), z.array(z.int().positive())]).optional(),
  every: z.int().positive().optional(),
  from: z.int().positive().optional(),
  until: z.int().positive().optional(),
  rate: z.number().min(0).max(1).optional(),
  times: z.int().positive().optional(),
  /** Seconds; absent: no such header. */
  retryAfter: z.number().min(0).optional(),
  retryAfterForm: z.enum(['seconds', 'date', 'garbage']).optional(),
  /** For `throttle`, `error` and `error-after`: the upstream's own code (`lock_timeout`, `57014`), where it has several. */
  code: z.string().optional(),
  /** For `throttle`: what the upstream's header says was exceeded (`endpoint-rate`). */
  reason: z.string().optional(),
  /** The upstream's advice to clients whether to try again, where it gives any. */
  shouldRetry: z.boolean().optional(),
  delayMs: z.int().min(0).optional(),
  /** For `clamp`: the most records a page may hold. */
  limit: z.int().positive().optional(),
  /** For `insert`, `delete`, `modify`: how many records. */
  count: z.int().positive().optional(),
  /** Where those records lie from the page's cursor. `before` shifts every later offset. */
  position: z.enum(['before', 'after']).optional(),
});

export type FaultRule = z.infer<typeof faultRuleSchema>;
type FaultKind = FaultRule['fault'];

export const faultRulesSchema = z.array(faultRuleSchema);

/** What a request is about, as far as fault rules care. */
export interface RequestDescriptor {
  readonly method: string;
  /** `list`, `get`, `create`, ... as the upstream names them. */
  readonly operation: string;
  /** The kind of record, where there is one. */
  readonly resource: string;
}

interface RuleState {
  readonly rule: FaultRule;
  readonly random: Random;
  seen: number;
  fired: number;
}

/**
 * The faults now in force. Chance comes from the seed and the number of requests a rule has counted, so the same
 * requests in the same order meet the same faults.
 */
export class FaultPlan {
  readonly #seed: number;
  #watched: RuleState[] = [];

  constructor(seed: number, rules: readonly FaultRule[] = []) {
    this.#seed = seed;
    this.set(rules);
  }

  /** Replaces all rules; counting begins anew. Throws on a rule it does not understand. */
  set(rules: readonly FaultRule[]): void {
    this.#watched = faultRulesSchema.parse(rules).map((rule, index) => ({
      rule,
      random: new Random(this.#seed).fork(`fault-${index}`),
      seen: 0,
      fired: 0,
    }));
  }

  clear(): void {
    this.#watched = [];
  }

  get rules(): readonly FaultRule[] {
    return this.#watched.map(({ rule }) => rule);
  }

  /** How many requests each rule counted and struck, in the order of the rules. */
  tally(): readonly { fault: FaultKind; seen: number; fired: number }[] {
    return this.#watched.map(({ rule, seen, fired }) => ({ fault: rule.fault, seen, fired }));
  }

  /** Counts the request and returns the rules that strike it. */
  match(subject: RequestDescriptor): FaultRule[] {
    const struck: FaultRule[] = [];
    for (const watched of this.#watched) {
      if (!matchesSelector(watched.rule, subject)) continue;
      watched.seen++;
      if (!shouldFire(watched)) continue;
      watched.fired++;
      struck.push(watched.rule);
    }
    return struck;
  }
}

function matchesSelector(rule: FaultRule, subject: RequestDescriptor): boolean {
  return (
    (rule.method === undefined || rule.method === subject.method) &&
    (rule.operation === undefined || rule.operation === subject.operation) &&
    (rule.resource === undefined || rule.resource === subject.resource)
  );
}

function shouldFire({ rule, random, seen, fired }: RuleState): boolean {
  // Drawn first and always, so that other conditions do not shift the sequence.
  const lucky = rule.rate === undefined || random.chance(rule.rate);
  if (!lucky) return false;
  if (rule.times !== undefined && fired >= rule.times) return false;
  if (rule.nth !== undefined && ![rule.nth].flat().includes(seen)) return false;
  if (rule.every !== undefined && seen % rule.every !== 0) return false;
  return seen >= (rule.from ?? 1) && seen <= (rule.until ?? Number.POSITIVE_INFINITY);
}
