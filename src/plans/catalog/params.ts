import { z } from 'zod';

/** What a run of this plan may be told. */
export const paramsSchema = z.strictObject({
  table: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'is no name of a table')
    .exactOptional()
    .describe('The table of the catalogue. Default: products.'),
  defaultCurrency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'is no currency code of ISO 4217 (such as USD)')
    .exactOptional()
    .describe('Currency of products that name none. Default: such products are rejected.'),
});
