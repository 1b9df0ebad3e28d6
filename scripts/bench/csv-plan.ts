import { join } from 'node:path';
import { z } from 'zod';
import type { Entity, Plan } from '../../src/plan/contract.ts';
import { definePlan } from '../../src/plan/define-plan.ts';
import { createCsvSource } from '../../src/sources/csv/source.ts';
import { benchPlan } from './plan.ts';

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
