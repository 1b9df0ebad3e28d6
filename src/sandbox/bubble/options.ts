import { z } from 'zod';
import { faultRulesSchema } from '../core/fault-rule.ts';

export const bubbleOptionsSchema = z.strictObject({
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  seed: z.int().min(0).default(7),
  users: z.int().min(0).max(1_000_000).default(5000),
  /** 1: dirty as real data is; 0: clean. */
  dirt: z.number().min(0).max(5).default(1),
  wall: z.int().min(1).default(50_000),
  latencyMs: z.int().min(0).default(0),
  /** Requests in any sixty seconds; 0 for no limit. */
  ratePerMinute: z.int().min(0).default(15_000),
  hiddenShare: z.number().min(0).max(1).default(0),
  faults: faultRulesSchema.default([]),
  apiKey: z.string().min(1).default('sandbox-admin-key'),
  userKey: z.string().min(1).default('sandbox-user-key'),
  /** Where the journal is kept as JSON lines as well. */
  journalFile: z.string().optional(),
});

export type BubbleSandboxOptions = z.input<typeof bubbleOptionsSchema>;
export type BubbleConfig = z.output<typeof bubbleOptionsSchema>;
