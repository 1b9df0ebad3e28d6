import { join } from 'node:path';
import { z } from 'zod';
import type { Entity, Plan, TransformOutcome } from '../../src/plan/contract.ts';
import { definePlan, noParams } from '../../src/plan/define-plan.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { createCsvSource } from '../../src/sources/csv/source.ts';

const raw = z.object({
  name: z.string(),
  email: z.string(),
  amount: z.string(),
  currency: z.string(),
  active: z.string(),
  created: z.string(),
  tags: z.string(),
});

/** A booking-sized row: text, money, time, a list, a flag. What the transform does is what the real plans do. */
function transform(row: JsonObject): TransformOutcome {
  const record = row as z.infer<typeof raw>;
  const currency = record.currency.trim().toUpperCase();
  return {
    kind: 'row',
    row: {
      name: record.name.trim(),
      email: record.email.trim().toLowerCase(),
      amount: record.amount,
      currency,
      active: record.active === 'yes',
      created_at: new Date(record.created).toISOString(),
      tags: record.tags.split(' , '),
    },
    money: { minor: record.amount.replace('.', ''), currency, status: 'succeeded' },
  };
}

/** The plan the bench moves: one entity, no source, because records are put into the ledger before the clock starts. */
export const benchPlan = definePlan({
  name: 'bench',
  version: '1',
  title: 'Bench',
  description: 'Synthetic records for measuring',
  settings: z.object({}),
  params: noParams,
  upstreams: [],
  entities: {
    items: {
      title: 'Items',
      dependsOn: [],
      source: () => ({ read: async () => ({ records: [], cursor: null }) }),
      schema: raw,
      transform,
      target: {
        kind: 'postgres',
        table: 'items',
        columns: {
          name: { type: 'text' },
          email: { type: 'text' },
          amount: { type: 'numeric(19,4)' },
          currency: { type: 'text' },
          active: { type: 'boolean' },
          created_at: { type: 'timestamptz' },
          tags: { type: 'text[]' },
        },
      },
    },
  },
  rules: [],
} satisfies Plan);

/** Record n as a source would give it. */
export function benchRecord(n: number): JsonObject {
  return {
    name: ` Person ${n} `,
    email: `Person.${n}@Example.com`,
    amount: `${n % 1_000}.${String(n % 100).padStart(2, '0')}`,
    currency: n % 3 === 0 ? 'usd' : 'EUR',
    active: n % 2 === 0 ? 'yes' : 'no',
    created: new Date(1_700_000_000_000 + n * 1_000).toISOString(),
    tags: 'English , Tagalog , Cebuano',
  };
}

/** The bench's records from a CSV file: extraction, checkpoints and high-water mark take part. */
export const csvPlan = definePlan({
  ...benchPlan,
  name: 'bench-csv',
  params: z.object({ folder: z.string() }),
  entities: {
    items: {
      ...(benchPlan.entities.items as Entity),
      source: ({ params }) => createCsvSource({ path: join(String(params.folder), 'items.csv'), idColumns: ['id'] }),
    },
  },
} satisfies Plan);
