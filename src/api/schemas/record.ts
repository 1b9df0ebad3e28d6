import { z } from 'zod';
import type { FailureGroup, RecordView } from '../../engine/control/contract.ts';
import { recordStatuses, stages, troubleStatuses } from '../../engine/record-status.ts';
import { idSchema, pageQuery } from './common.ts';

const text = z.string();

export const recordFields = {
  id: text,
  runId: text,
  entity: text,
  sourceId: text,
  stage: z.enum(stages),
  status: z.enum(recordStatuses),
  code: text.nullable(),
  field: text.nullable(),
  message: text.nullable(),
  targetId: text.nullable(),
  blockedBy: text.nullable(),
  mergedInto: text.nullable(),
  attempts: z.int(),
  updatedAt: text,
};

export const recordSchema = z.object(recordFields).meta({ id: 'Record' }) satisfies z.ZodType<RecordView>;

export const failureSchema = z
  .object({
    group: text.describe('Name of the group, for its replay'),
    entity: text,
    stage: z.enum(stages),
    status: z.enum(troubleStatuses),
    code: text,
    field: text.nullable(),
    count: z.int(),
    message: text,
    remedy: text,
    severity: text,
    examples: z.array(text).readonly().describe('Source ids'),
    sums: z
      .array(z.object({ currency: text, minor: text }))
      .readonly()
      .optional()
      .describe('What the records are worth by currency, in minor units; none where they carry no money'),
  })
  .meta({ id: 'FailureGroup' }) satisfies z.ZodType<FailureGroup>;

export const recordsQuery = z.strictObject({
  status: z.enum(recordStatuses).optional(),
  entity: idSchema.optional(),
  ...pageQuery,
});

// Source ids are opaque and may be long.
const sourceIdSchema = z.string().min(1).max(4_096);

export const historyQuery = z.strictObject({ sourceId: sourceIdSchema });

export const enqueueBody = z
  .strictObject({
    entity: idSchema,
    sourceIds: z.array(sourceIdSchema).min(1).max(50_000).optional(),
    records: z.array(z.record(z.string(), z.unknown())).min(1).max(50_000).optional().describe('Whole source records'),
  })
  .refine((body) => (body.sourceIds === undefined) !== (body.records === undefined), {
    error: 'give sourceIds or records, one of the two',
  });
