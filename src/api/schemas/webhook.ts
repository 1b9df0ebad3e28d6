import { z } from 'zod';
import { eventStates } from '../../payments/inbox/ports.ts';
import { idSchema, pageQuery } from './common.ts';

export const receivedSchema = z.object({
  received: z.literal(true),
  duplicate: z.boolean().describe('It was there before, and is not done twice'),
});

export const webhookQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(eventStates).optional(),
  type: idSchema.optional().describe('`product.updated`'),
  objectId: idSchema.optional().describe('The object it is about, `prod_...`'),
});

export const webhookSchema = z.object({
  provider: z.string(),
  id: z.string().describe('The provider’s own id of the event'),
  type: z.string(),
  objectId: z.string().nullable(),
  livemode: z.boolean(),
  state: z.enum(eventStates).describe('failed: the last try was in vain, and the next is at `dueAt`'),
  attempts: z.int(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  effect: z.string().nullable().describe('What it came to'),
  happenedAt: z.string(),
  receivedAt: z.string(),
  dueAt: z.string().nullable(),
  settledAt: z.string().nullable(),
  payload: z
    .record(z.string(), z.unknown())
    .nullable()
    .optional()
    .describe('The event as it was sent; for operators, and null of types nothing is done about'),
});
