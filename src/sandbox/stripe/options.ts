import { z } from 'zod';
import { faultRulesSchema } from '../core/faults.ts';

export const stripeOptionsSchema = z.strictObject({
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  seed: z.int().min(0).default(7),
  latencyMs: z.int().min(0).default(0),
  /** Requests in any second for an account; 0 for no limit. Stripe: 100 live, 25 in a sandbox. */
  globalRps: z.int().min(0).default(100),
  /** Requests in any second for one endpoint of an account; 0 for no limit. */
  endpointRps: z.int().min(0).default(25),
  searchRps: z.int().min(0).default(20),
  /** How long the search index is behind. */
  searchLagMs: z.int().min(0).default(60_000),
  /** How long answers to idempotency keys are kept. */
  idempotencyTtlMs: z
    .int()
    .min(0)
    .default(24 * 3_600_000),
  /** How long a write waits for another write on the same object before it gives up with `lock_timeout`. */
  lockWaitMs: z.int().min(0).default(2_000),
  faults: faultRulesSchema.default([]),
  /** The account's keys, by mode. Each mode has data of its own. */
  secretKey: z.string().startsWith('sk_test_').default('sk_test_sandbox'),
  liveKey: z.string().startsWith('sk_live_').default('sk_live_sandbox'),
  /** A restricted key that may only read test data. */
  readOnlyKey: z.string().startsWith('rk_test_').default('rk_test_sandbox'),
  /** Connected accounts that `Stripe-Account` may name. */
  accounts: z.array(z.string().startsWith('acct_')).default(['acct_sandboxconnected']),
  /** Where events of the test mode are sent, when anywhere. */
  webhookUrl: z.url().optional(),
  webhookSecret: z.string().startsWith('whsec_').default('whsec_sandbox'),
  /** Where the journal is kept as JSON lines as well. */
  journalFile: z.string().optional(),
});

export type StripeSandboxOptions = z.input<typeof stripeOptionsSchema>;
export type StripeConfig = z.output<typeof stripeOptionsSchema>;

/** What may be changed while the sandbox runs; see the options of the same names. */
export type StripeSettings = {
  latencyMs: number;
  globalRps: number;
  endpointRps: number;
  searchRps: number;
  searchLagMs: number;
  idempotencyTtlMs: number;
  lockWaitMs: number;
};
