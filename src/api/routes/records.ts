import { z } from 'zod';
import { failureStatuses, recordStatuses, stages } from '../../contract/record-status.ts';
import type { RecordHistory } from '../../contract/records.ts';
import { runStatuses } from '../../contract/run-status.ts';
import type { FailureGroup, RecordView, TryView } from '../../contract/runs.ts';
import { actorOf, type ReadsFor } from '../auth/access.ts';
import { type RunReader, runSchema } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  decodeCursor,
  encodePage,
  idempotencyHeader,
  idSchema,
  instant,
  numericCursor,
  optionalReasonBody,
  pageOf,
  pageQuery,
  responses,
  runParams,
  storableText,
  text,
} from './common.ts';

const recordFields = {
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

const recordSchema = z.object(recordFields).meta({ id: 'Record' }) satisfies z.ZodType<RecordView>;

export const failureSchema = z
  .object({
    group: text.describe('Name of the group, for its replay'),
    entity: text,
    stage: z.enum(stages),
    status: z.enum(failureStatuses),
    code: text,
    field: text.nullable(),
    count: z.int(),
    message: text,
    remedy: text,
    severity: text,
    variants: z
      .array(z.object({ message: text, count: z.int() }))
      .readonly()
      .optional()
      .describe('The five most frequent messages of its records'),
    examples: z.array(text).readonly().describe('Source ids'),
    sums: z
      .array(z.object({ currency: text, minor: text }))
      .readonly()
      .optional()
      .describe('Sum of the records by currency, in minor units; absent where they have no amount'),
  })
  .meta({ id: 'FailureGroup' }) satisfies z.ZodType<FailureGroup>;

const recordsQuery = z.strictObject({
  status: z.enum(recordStatuses).optional(),
  entity: idSchema.optional(),
  ...pageQuery,
});

// Source ids are opaque and may be long.
const sourceIdSchema = storableText(1, 4_096);

const historyQuery = z.strictObject({ sourceId: sourceIdSchema });

const enqueueBody = z
  .strictObject({
    entity: idSchema,
    sourceIds: z.array(sourceIdSchema).min(1).max(50_000).optional(),
    records: z.array(z.record(z.string(), z.unknown())).min(1).max(50_000).optional().describe('Whole source records'),
  })
  .refine((body) => (body.sourceIds === undefined) !== (body.records === undefined), {
    error: 'give either sourceIds or records',
  });

const rowSchema = z.record(text, z.unknown()).readonly();

const attemptSchema = z
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

const historyRunSchema = z.object({
  plan: text,
  version: text,
  status: z.enum(runStatuses),
  dryRun: z.boolean(),
  targetSchema: text,
  createdAt: instant,
  rolledBackAt: instant.nullable(),
});

const historyStageSchema = z.object({
  stage: z.enum(stages),
  state: z
    .enum(['done', 'waiting', 'ended', 'skipped', 'ahead'])
    .describe('ended: it goes no further; skipped: this stage does not apply to it'),
  at: instant.nullable().describe('Since when, where that is known'),
});

const relatedRecordSchema = z.object({ entity: text, sourceId: text, status: z.enum(recordStatuses) });

const targetRowSchema = z.object({
  table: text,
  id: text,
  operation: text.nullable().describe('First operation of the run on the row; null when it wrote nothing'),
  writtenAt: instant.nullable(),
  loaded: rowSchema.nullable().describe('What the run wrote; null when payloads were purged'),
  row: rowSchema.nullable().describe('The row as it is now; null when there is none'),
  personal: z
    .array(text)
    .readonly()
    .describe('Columns that may contain personal data; their values are shown to operators'),
});

const historySchema = z
  .object({
    ...recordFields,
    run: historyRunSchema,
    stages: z.array(historyStageSchema).readonly(),
    tries: z.array(attemptSchema).readonly().describe('Every failed attempt'),
    notes: z.array(text).readonly().describe('Notes of the transform'),
    parent: relatedRecordSchema.nullable().describe('The record it waits for'),
    survivor: relatedRecordSchema.nullable().describe('The record it was merged into'),
    payload: z.enum(['kept', 'purged']),
    target: targetRowSchema.nullable(),
  })
  .meta({ id: 'Journey' }) satisfies z.ZodType<Omit<RecordHistory, 'target'>>;

const recordTags = ['records'];
const enqueueBodyLimit = 5 * 1_048_576;

type RecordDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Records of runs: listing, finding by source id, and enqueueing by hand. */
export function recordRoutes(app: Api, { control, runs, readsFor }: RecordDeps): void {
  const enqueueOptions = {
    config: { access: 'operator' },
    bodyLimit: enqueueBodyLimit,
    schema: enqueueSchema,
  } as const;
  app.post('/runs/:id/records', enqueueOptions, async (request, reply) => {
    const answer = await control.enqueue(request.params.id, request.body, actorOf(request));
    runs.invalidate(answer.run.id);
    return reply.code(202).header('location', `/api/v1/runs/${answer.run.id}/records`).send(answer);
  });

  app.get('/runs/:id/records', { config: { access: 'viewer' }, schema: listRecordsSchema }, async (request) => {
    const { params, query } = request;
    const cursor = decodeCursor(query.cursor, numericCursor);
    return encodePage(await readsFor(request).records(params.id, { ...query, cursor }));
  });

  app.get('/records', { config: { access: 'viewer' }, schema: findRecordSchema }, async (request) => ({
    items: await readsFor(request).history(request.query.sourceId),
  }));
}

const enqueueSchema = {
  tags: recordTags,
  operationId: 'enqueueRecords',
  summary: 'Add records to a run, by source id or whole, one job per record; at most 5 MB per request',
  headers: idempotencyHeader,
  params: runParams,
  body: enqueueBody,
  response: responses({ 202: z.object({ accepted: z.int(), run: runSchema }) }),
};

const listRecordsSchema = {
  tags: recordTags,
  operationId: 'listRecords',
  summary: 'Records of a run',
  params: runParams,
  querystring: recordsQuery,
  response: responses({ 200: pageOf(recordSchema) }),
};

const findRecordSchema = {
  tags: recordTags,
  operationId: 'findRecord',
  summary: 'The history of one source id in every run: stages, attempts, and its row in the target',
  querystring: historyQuery,
  response: responses({ 200: z.object({ items: z.array(historySchema).readonly() }) }),
};

const failureTags = ['failures'];

type FailureDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Failures, grouped by cause. */
export function failureRoutes(app: Api, { control, runs, readsFor }: FailureDeps): void {
  app.get('/runs/:id/failures', { config: { access: 'viewer' }, schema: listFailuresSchema }, async (request) => ({
    items: await readsFor(request).failures(request.params.id),
  }));

  const replayOptions = { config: { access: 'operator' }, schema: replayFailuresSchema } as const;
  app.post('/runs/:id/failures/:group/replay', replayOptions, async (request, reply) => {
    const { id, group } = request.params;
    const answer = await control.replay(id, group, request.body?.reason ?? '', actorOf(request));
    runs.invalidate(id);
    return reply.code(202).send(answer);
  });
}

const listFailuresSchema = {
  tags: failureTags,
  operationId: 'listFailures',
  summary: 'Failures of a run by entity, stage, code and field, with their remedies',
  params: runParams,
  response: responses({ 200: z.object({ items: z.array(failureSchema).readonly() }) }),
};

const replayFailuresSchema = {
  tags: failureTags,
  operationId: 'replayFailures',
  summary:
    'Retry the records of one group: rejected and failed ones are read from the source again; records they block follow automatically',
  headers: idempotencyHeader,
  params: runParams.extend({ group: idSchema }),
  body: optionalReasonBody,
  response: responses({ 202: z.object({ replayed: z.int(), run: runSchema }) }),
};
