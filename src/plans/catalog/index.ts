import { z } from 'zod';
import type { Entity, Plan } from '../../plan/contract.ts';
import { definePlan } from '../../plan/define-plan.ts';
import type { JsonObject } from '../../plan/json.ts';
import { openCatalogPort } from './port.ts';
import { transformProduct } from './product.ts';
import { catalogSource } from './source.ts';

/** The parameters of a run of this plan. */
const paramsSchema = z.strictObject({
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

/** Environment variables of the plan. */
const settingsSchema = z.object({
  SUPABASE_URL: z.string().optional().describe('The project, for example https://ref.supabase.co'),
  SUPABASE_SERVICE_ROLE_KEY: z.string().optional().describe('Its service-role key; any other sees no rows.'),
  STRIPE_API_URL: z.string().optional().describe('Where Stripe is. Default: https://api.stripe.com'),
  STRIPE_SECRET_KEY: z.string().optional().describe('sk_test_... or sk_live_...; the mode is the key’s.'),
  STRIPE_MAX_RPS: z.string().optional().describe('Requests a second of the whole fleet. Default: 90'),
  STRIPE_ENDPOINT_MAX_RPS: z.string().optional().describe('The same for each endpoint by itself. Default: 20'),
});

/** What to do about the plan's own codes. */
const codes = {
  MISSING_NAME: 'Give the product a name in the CMS, then replay it.',
  BAD_TEXT: 'Write the field as text in the CMS, then replay it.',
  BAD_DATE: 'Write a time into deleted_at in the CMS, or nothing where the product is not deleted, then replay it.',
  BAD_ACTIVE: 'Write true or false into active in the CMS, then replay it.',
  NAME_TOO_LONG: 'Stripe takes 5,000 characters: shorten the name in the CMS, then replay it.',
  DESCRIPTION_TOO_LONG: 'Stripe takes 40,000 characters: shorten the description in the CMS, then replay it.',
  NO_PRICE: 'Give the product a price in the CMS, then replay it.',
  FREE_PRICE: 'Stripe sells nothing for nothing this way: decide what becomes of free products; they are left out.',
  BAD_NUMBER: 'The price is no number: write it with digits and one point, then replay.',
  BAD_AMOUNT:
    'The price cannot be charged in its currency (too fine, too much, or below nothing): correct it, then replay.',
  UNKNOWN_CURRENCY: 'Give the product a currency of ISO 4217, or start with --param defaultCurrency=USD.',
  UNSUPPORTED_CURRENCY: 'Stripe does not charge in this currency: price the product in another.',
  BAD_METADATA: 'Stripe takes 50 keys of 40 characters without brackets, with values of 500: correct the metadata.',
  LOOKUP_KEY_TAKEN:
    'A price that is not of this migration has this lookup key: give that one another in Stripe, then replay.',
  PRODUCT_TAKEN: 'The Stripe product belongs to another record: clear stripe_product_id in the CMS, then replay.',
  ROW_GONE: 'The row was deleted while it was moved: archive its product in Stripe, or put the row back and replay.',
  EXCLUDED: 'The product is deleted in the CMS (deleted_at): it is not moved.',
} as const;

const products = {
  title: 'Products',
  dependsOn: [],
  source: catalogSource,
  schema: z.custom<JsonObject>((raw) => typeof raw === 'object' && raw !== null && !Array.isArray(raw), {
    error: 'is not an object with fields',
  }),
  transform: transformProduct,
  api: { open: openCatalogPort },
  target: {
    kind: 'postgres',
    table: 'products',
    columns: {
      name: { type: 'text' },
      description: { type: 'text', nullable: true },
      images: { type: 'text[]' },
      active: { type: 'boolean' },
      metadata: { type: 'jsonb' },
      amount: { type: 'bigint' },
      currency: { type: 'text' },
      status: { type: 'text' },
      lookup_key: { type: 'text' },
      // Events of Stripe name a row by this.
      stripe_product_id: { type: 'text', filledByApi: true, indexed: true },
      stripe_price_id: { type: 'text', filledByApi: true },
    },
  },
  money: { amount: 'amount', currency: 'currency', status: 'status' },
  rawMoney: {
    amount: 'amount',
    currency: 'currency',
    pick: ({ price, currency }, { params }) => {
      const code = /^\s*([a-z]{3})\s*$/i.exec(String(currency || params.defaultCurrency || ''))?.[1];
      return { amount: price, currency: code?.toUpperCase() };
    },
  },
} satisfies Entity;

export default definePlan({
  name: 'catalog',
  version: '1.0.0',
  title: 'CMS to Stripe',
  description: 'The product catalogue of a CMS on Supabase into Stripe products and prices, each once.',
  settings: settingsSchema,
  params: paramsSchema,
  upstreams: ['supabase', 'stripe'],
  entities: { products },
  rules: [
    {
      name: 'one-product-a-record',
      entity: 'products',
      severity: 'error',
      description: 'No two records share a Stripe product',
      violates:
        'EXISTS (SELECT 1 FROM {schema}.products o WHERE o.stripe_product_id = t.stripe_product_id AND o.id <> t.id)',
    },
  ],
  codes,
} satisfies Plan);
