import { z } from 'zod';
import type { ReportEntry, RollbackView, ValidationView } from '../../engine/control/contract.ts';

const text = z.string();
const countSchema = z.int().min(0);

const checkSchema = z
  .object({
    name: text,
    entity: text.nullable(),
    severity: z.enum(['error', 'warning']),
    ok: z.boolean(),
    description: text,
    checked: countSchema,
    violations: countSchema,
    rows: z
      .array(z.object({ sourceId: text, targetId: text.nullable(), detail: text }))
      .readonly()
      .describe('Every row that breaks the rule'),
  })
  .meta({ id: 'ValidationCheck' });

export const validationSchema = z
  .object({
    runId: text,
    at: text,
    dataVersion: text,
    stale: z.boolean().describe('The target changed after the validation looked at it'),
    status: z.enum(['green', 'red']),
    checks: z.array(checkSchema).readonly(),
  })
  .meta({ id: 'Validation' }) satisfies z.ZodType<ValidationView>;

export const rollbackStatusSchema = z
  .enum(['working', 'interrupted', 'done', 'failed'])
  .describe('working: it goes on in the service; interrupted: its process ended, and it goes on when asked for again');

export const rollbackSchema = z
  .object({
    runId: text,
    dryRun: z.boolean(),
    status: rollbackStatusSchema,
    done: countSchema.describe('What was gone through, of what there is to undo'),
    total: countSchema,
    removed: countSchema,
    restored: countSchema,
    conflicts: z
      .array(z.object({ entity: text, targetId: text, detail: text }))
      .readonly()
      .describe('Rows changed by someone else since: left alone'),
    error: text.nullable().describe('Why it failed'),
  })
  .meta({ id: 'Rollback' }) satisfies z.ZodType<RollbackView>;

export const reportSchema = z
  .object({ name: text, mediaType: text, bytes: countSchema })
  .meta({ id: 'Report' }) satisfies z.ZodType<ReportEntry>;
