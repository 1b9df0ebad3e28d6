import { z } from 'zod';
import type { Journey, TryView } from '../../engine/control/contract.ts';
import { recordStatuses, stages } from '../../engine/record-status.ts';
import { runStatuses } from '../../engine/run-status.ts';
import { recordFields } from './record.ts';

const text = z.string();
const instant = z.string().describe('ISO 8601, UTC');
const row = z.record(text, z.unknown()).readonly();

const trySchema = z
  .object({
    stage: z.enum(stages),
    status: text,
    code: text,
    field: text.nullable(),
    message: text,
    worker: text,
    at: instant,
  })
  .meta({ id: 'Try' }) satisfies z.ZodType<TryView>;

const runSchema = z.object({
  plan: text,
  version: text,
  status: z.enum(runStatuses),
  dryRun: z.boolean(),
  targetSchema: text,
  createdAt: instant,
  rolledBackAt: instant.nullable(),
});

const stageSchema = z.object({
  stage: z.enum(stages),
  state: z
    .enum(['done', 'waiting', 'ended', 'skipped', 'ahead'])
    .describe('ended: it goes no further; skipped: it never had to pass this stage'),
  at: instant.nullable().describe('When that came about, where it is known'),
});

const relativeSchema = z.object({ entity: text, sourceId: text, status: z.enum(recordStatuses) });

const targetSchema = z.object({
  table: text,
  id: text,
  operation: text.nullable().describe('What the run did to the row first; null when it wrote nothing'),
  writtenAt: instant.nullable(),
  loaded: row.nullable().describe('What the run wrote; null when payloads were purged'),
  row: row.nullable().describe('The row as it is now; null when there is none'),
  personal: z.array(text).readonly().describe('Columns that may hold personal data; their values are for operators'),
});

export const journeySchema = z
  .object({
    ...recordFields,
    run: runSchema,
    stages: z.array(stageSchema).readonly(),
    tries: z.array(trySchema).readonly().describe('Every try that did not succeed'),
    notes: z.array(text).readonly().describe('What the transform noted down'),
    parent: relativeSchema.nullable().describe('The record it waits for'),
    survivor: relativeSchema.nullable().describe('The record it was merged into'),
    payload: z.enum(['kept', 'purged']),
    target: targetSchema.nullable(),
  })
  .meta({ id: 'Journey' }) satisfies z.ZodType<Omit<Journey, 'target'>>;
