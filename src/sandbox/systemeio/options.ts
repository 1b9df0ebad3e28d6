import { z } from 'zod';
import { launchOptions } from '../launch/options.ts';

export const systemeioOptionsSchema = z.strictObject({
  ...launchOptions,
  /** Requests in any sixty seconds; 0 for no limit. What is known of Systeme.io: about 60. */
  ratePerMinute: z.int().min(0).default(60),
  /** Some say the server ignores `order=asc`, and gives the newest first whatever it is asked. */
  ignoreAscending: z.boolean().default(true),
  apiKey: z.string().min(1).default('sandbox-systemeio-key'),
});

export type SystemeioSandboxOptions = z.input<typeof systemeioOptionsSchema>;
export type SystemeioConfig = z.output<typeof systemeioOptionsSchema>;
