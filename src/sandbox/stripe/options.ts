import { z } from 'zod';
import { sandboxOptions } from '../core/sandbox.ts';

export const stripeOptionsSchema = z.strictObject({
  ...sandboxOptions,
  /** Requests in any second for an account; 0 for no limit. Stripe: 100 live, 25 in a sandbox. */
  globalRps: z.int().min(0).default(100),
  /** Requests in any second for one endpoint of an account; 0 for no limit. */
  endpointRps: z.int().min(0).default(25),
  searchRps: z.int().min(0).default(20),
  /** The delay until search finds a change. */
  searchLagMs: z.int().min(0).default(60_000),
  /** How long answers are kept under their idempotency keys. */
  idempotencyTtlMs: z
    .int()
    .min(0)
    .default(24 * 3_600_000),
  /** How long a write waits for another write on the same object before it fails with `lock_timeout`. */
  lockWaitMs: z.int().min(0).default(2_000),
  /** The account's keys, by mode. Each mode has its own data. */
  secretKey: z.string().startsWith('sk_test_').default('sk_test_sandbox'),
  liveKey: z.string().startsWith('sk_live_').default('sk_live_sandbox'),
  /** A restricted key that may only read test data. */
  readOnlyKey: z.string().startsWith('rk_test_').default('rk_test_sandbox'),
  /** Connected accounts that `Stripe-Account` may name. */
  accounts: z.array(z.string().startsWith('acct_')).default(['acct_sandboxconnected']),
  /** Where events of the test mode are sent; absent: nowhere. */
  webhookUrl: z.url().optional(),
  webhookSecret: z.string().startsWith('whsec_').default('whsec_sandbox'),
});

export type StripeSandboxOptions = z.input<typeof stripeOptionsSchema>;
export type StripeConfig = z.output<typeof stripeOptionsSchema>;

/** The settings that may change while the sandbox runs; see the options of the same names. */
export type StripeSettings = {
  latencyMs: number;
  globalRps: number;
  endpointRps: number;
  searchRps: number;
  searchLagMs: number;
  idempotencyTtlMs: number;
  lockWaitMs: number;
};
