import { z } from 'zod';
import { Random } from './random.ts';

/**
 * One fault, and the requests it applies to. The selector (`method`, `operation`, `resource`) says which requests the rule
 * counts; `nth`, `every`, `from`, `until`, `rate` and `times` say to which of these the fault applies. With none of them it
 * applies to all. Example: the third list request of bookings is answered 429 with Retry-After 2:
 * `{ fault: 'throttle', operation: 'list', resource: 'booking', nth: 3, retryAfter: 2 }`.
 */
const faultRuleSchema = z.strictObject({
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
  /** Seconds; without it and `retryAfterForm` there is no `Retry-After` header. */
  retryAfter: z.number().min(0).optional(),
  retryAfterForm: z.enum(['seconds', 'date', 'garbage']).optional(),
  /** For `throttle`, `error` and `error-after`: the upstream's own code (`lock_timeout`, `57014`), if it has several. */
  code: z.string().optional(),
  /** For `throttle`: the limit that the upstream's header names as exceeded (`endpoint-rate`). */
  reason: z.string().optional(),
  /** The value of the upstream's should-retry header; absent: no header. */
  shouldRetry: z.boolean().optional(),
  /** For `slow`: the added delay; 1000 when absent. */
  delayMs: z.int().min(0).optional(),
  /** For `clamp`: the maximum number of records in a page. */
  limit: z.int().positive().optional(),
  /** For `insert`, `delete`, `modify`: the number of records; 1 when absent. */
  count: z.int().positive().optional(),
  /** On which side of the page's cursor these records are. A change `before` it shifts every later offset. */
  position: z.enum(['before', 'after']).optional(),
});

export type FaultRule = z.infer<typeof faultRuleSchema>;
type FaultKind = FaultRule['fault'];

export const faultRulesSchema = z.array(faultRuleSchema);

/** A request as fault rules select it. */
export interface RequestDescriptor {
  readonly method: string;
  /** `list`, `get`, `create`, ... as the upstream names them. */
  readonly operation: string;
  /** The kind of record; empty when there is none. */
  readonly resource: string;
}

interface RuleState {
  readonly rule: FaultRule;
  readonly random: Random;
  seen: number;
  fired: number;
}

/**
 * The active fault rules. The random numbers of a rule depend only on the seed and on how many requests the rule has
 * counted, so the same requests in the same order get the same faults.
 */
export class FaultPlan {
  readonly #seed: number;
  #states: RuleState[] = [];

  constructor(seed: number, rules: readonly FaultRule[] = []) {
    this.#seed = seed;
    this.set(rules);
  }

  /** Replaces all rules; counting starts from zero. Throws ZodError on an invalid rule. */
  set(rules: readonly FaultRule[]): void {
    this.#states = faultRulesSchema.parse(rules).map((rule, index) => ({
      rule,
      random: new Random(this.#seed).fork(`fault-${index}`),
      seen: 0,
      fired: 0,
    }));
  }

  clear(): void {
    this.#states = [];
  }

  get rules(): readonly FaultRule[] {
    return this.#states.map(({ rule }) => rule);
  }

  /** How many requests each rule counted (`seen`) and applied to (`fired`), in the order of the rules. */
  tally(): readonly { fault: FaultKind; seen: number; fired: number }[] {
    return this.#states.map(({ rule, seen, fired }) => ({ fault: rule.fault, seen, fired }));
  }

  /** Counts the request and returns the rules that apply to it. */
  match(request: RequestDescriptor): FaultRule[] {
    const applied: FaultRule[] = [];
    for (const state of this.#states) {
      if (!matchesSelector(state.rule, request)) continue;
      state.seen++;
      if (!shouldFire(state)) continue;
      state.fired++;
      applied.push(state.rule);
    }
    return applied;
  }
}

function matchesSelector(rule: FaultRule, request: RequestDescriptor): boolean {
  return (
    (rule.method === undefined || rule.method === request.method) &&
    (rule.operation === undefined || rule.operation === request.operation) &&
    (rule.resource === undefined || rule.resource === request.resource)
  );
}

function shouldFire({ rule, random, seen, fired }: RuleState): boolean {
  // Drawn first and for every counted request, so that the other conditions do not shift the random sequence.
  const drawn = rule.rate === undefined || random.chance(rule.rate);
  if (!drawn) return false;
  if (rule.times !== undefined && fired >= rule.times) return false;
  if (rule.nth !== undefined && ![rule.nth].flat().includes(seen)) return false;
  if (rule.every !== undefined && seen % rule.every !== 0) return false;
  return seen >= (rule.from ?? 1) && seen <= (rule.until ?? Number.POSITIVE_INFINITY);
}

/** The milliseconds by which the `slow` faults delay the answer. */
export function faultDelayMs(faults: readonly FaultRule[]): number {
  return faults.reduce((sum, rule) => sum + (rule.fault === 'slow' ? (rule.delayMs ?? 1000) : 0), 0);
}
