import { type FaultKind, type FaultRule, faultRulesSchema } from './fault-rule.ts';
import { Random } from './random.ts';

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
