import { z } from 'zod';
import type { Entity, Plan } from '../../plan/contract.ts';
import { definePlan } from '../../plan/define-plan.ts';
import type { JsonObject } from '../../plan/json.ts';
import { codes } from './codes.ts';
import { paramsSchema } from './params.ts';
import { openCatalogPort } from './port.ts';
import { settingsSchema } from './settings.ts';
import { catalogSource } from './source.ts';
import { transformProduct } from './transform.ts';

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
