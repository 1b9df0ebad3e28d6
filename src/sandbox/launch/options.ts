import { z } from 'zod';
import { faultRulesSchema } from '../core/fault-rule.ts';

/** What the sandboxes of Xendit and Systeme.io have in common: the same seed and share make one business of the two. */
export const launchOptions = {
  /** 0 takes a free port. */
  port: z.int().min(0).max(65535).default(0),
  host: z.string().default('127.0.0.1'),
  seed: z.int().min(0).default(7),
  /** 1: the document's own numbers; 0: nothing. */
  share: z.number().min(0).max(20).default(1),
  dirt: z.number().min(0).max(1).default(1),
  latencyMs: z.int().min(0).default(0),
  faults: faultRulesSchema.default([]),
  /** Where the journal is kept as JSON lines as well. */
  journalFile: z.string().optional(),
};
