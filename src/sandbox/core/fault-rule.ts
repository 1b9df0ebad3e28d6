import { z } from 'zod';

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
export type FaultKind = FaultRule['fault'];

export const faultRulesSchema = z.array(faultRuleSchema);
