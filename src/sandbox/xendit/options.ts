import { z } from 'zod';
import { launchOptions } from '../launch/options.ts';

export const xenditOptionsSchema = z.strictObject({
  ...launchOptions,
  /** Requests in any sixty seconds for each endpoint; 0 for no limit. Xendit: 60 in test mode, 600 live. */
  ratePerMinute: z.int().min(0).default(600),
  secretKey: z.string().startsWith('xnd_').default('xnd_production_sandbox'),
});

export type XenditSandboxOptions = z.input<typeof xenditOptionsSchema>;
export type XenditConfig = z.output<typeof xenditOptionsSchema>;
