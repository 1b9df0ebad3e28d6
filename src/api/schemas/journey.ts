import { z } from 'zod';
import type { Journey, TryView } from '../../engine/control/contract.ts';
import { recordStatuses, stages } from '../../engine/record-status.ts';
import { runStatuses } from '../../engine/run-status.ts';
import { recordFields } from './record.ts';

const stringSchema = z.string();
const instant = z.string().describe('ISO 8601, UTC');
const rowSchema = z.record(stringSchema, z.unknown()).readonly();

const attemptSchema = z
  .object({
    stage: z.enum(stages),
    status: stringSchema,
    code: stringSchema,
    field: stringSchema.nullable(),
    message: stringSchema,
    worker: stringSchema,
    at: instant,
  })
  .meta({ id: 'Try' }) satisfies z.ZodType<TryView>;

const historyRunSchema = z.object({
  plan: stringSchema,
  version: stringSchema,
  status: z.enum(runStatuses),
  dryRun: z.boolean(),
  targetSchema: stringSchema,
  createdAt: instant,
  rolledBackAt: instant.nullable(),
});

const historyStageSchema = z.object({
  stage: z.enum(stages),
  state: z
    .enum(['done', 'waiting', 'ended', 'skipped', 'ahead'])
    .describe('ended: it goes no further; skipped: it never had to pass this stage'),
  at: instant.nullable().describe('When that came about, where it is known'),
});

const relatedRecordSchema = z.object({ entity: stringSchema, sourceId: stringSchema, status: z.enum(recordStatuses) });

const targetRowSchema = z.object({
  table: stringSchema,
  id: stringSchema,
  operation: stringSchema.nullable().describe('What the run did to the row first; null when it wrote nothing'),
  writtenAt: instant.nullable(),
  loaded: rowSchema.nullable().describe('What the run wrote; null when payloads were purged'),
  row: rowSchema.nullable().describe('The row as it is now; null when there is none'),
  personal: z
    .array(stringSchema)
    .readonly()
    .describe('Columns that may hold personal data; their values are for operators'),
});

export const historySchema = z
  .object({
    ...recordFields,
    run: historyRunSchema,
    stages: z.array(historyStageSchema).readonly(),
    tries: z.array(attemptSchema).readonly().describe('Every try that did not succeed'),
    notes: z.array(stringSchema).readonly().describe('What the transform noted down'),
    parent: relatedRecordSchema.nullable().describe('The record it waits for'),
    survivor: relatedRecordSchema.nullable().describe('The record it was merged into'),
    payload: z.enum(['kept', 'purged']),
    target: targetRowSchema.nullable(),
  })
  .meta({ id: 'Journey' }) satisfies z.ZodType<Omit<Journey, 'target'>>;
