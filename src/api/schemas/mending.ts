import { z } from 'zod';
import type { DoubledRow, MendedView, MendingView } from '../../engine/control/contract.ts';
import { failureSchema } from './record.ts';
import { runSchema } from './run.ts';

const text = z.string();

const duplicateRowSchema = z
  .object({
    entity: text,
    table: text,
    targetId: text.describe('The row that is too many'),
    sourceId: text.describe('The record it doubles'),
    ofTargetId: text.describe('The row of that record, which stays'),
    refusal: text.nullable().describe('Why it is left to a person; null of a row that mending removes'),
  })
  .meta({ id: 'DoubledRow' }) satisfies z.ZodType<DoubledRow>;

export const repairPlanSchema = z
  .object({
    runId: text,
    write: z.array(failureSchema).readonly().describe('Records that differ or are missing'),
    remove: z.array(duplicateRowSchema).readonly().describe('Rows that are in the target twice'),
  })
  .meta({ id: 'Mending' }) satisfies z.ZodType<MendingView>;

export const repairResultSchema = z
  .object({
    written: z.int().describe('Records on their way to be written and compared again'),
    removed: z.array(duplicateRowSchema).readonly(),
    left: z.array(duplicateRowSchema).readonly().describe('Doubled rows that were left alone, and why'),
    run: runSchema,
  })
  .meta({ id: 'Mended' }) satisfies z.ZodType<MendedView>;
