import { z } from 'zod';
import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, pageOf, responses, runParams } from '../schemas/common.ts';
import { historySchema } from '../schemas/journey.ts';
import { enqueueBody, historyQuery, recordSchema, recordsQuery } from '../schemas/record.ts';
import { runSchema } from '../schemas/run.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';
import { decodeCursor, encodePage, numericCursor } from './page.ts';

const recordTags = ['records'];
const enqueueBodyLimit = 5 * 1_048_576;

type RecordDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Records of runs: listed, found by source id, and put in by hand. */
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
    items: await readsFor(request).journeys(request.query.sourceId),
  }));
}

const enqueueSchema = {
  tags: recordTags,
  operationId: 'enqueueRecords',
  summary: 'Put records into a run, by source id or whole, one job a record; at most 5 MB at a time',
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
  summary: 'The journey of one source id through every run: stages, tries, and its row in the target',
  querystring: historyQuery,
  response: responses({ 200: z.object({ items: z.array(historySchema).readonly() }) }),
};
