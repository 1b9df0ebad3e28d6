import { z } from 'zod';
import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { answers, idempotencyHeader, pageOf, runParams } from '../schemas/common.ts';
import { journeySchema } from '../schemas/journey.ts';
import { enqueueBody, journeysQuery, recordSchema, recordsQuery } from '../schemas/record.ts';
import { runSchema } from '../schemas/run.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';
import { decodeCursor, numericName, opaque } from './page.ts';

const tags = ['records'];
const enqueueLimit = 5 * 1_048_576;

type RecordDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Records of runs: listed, found by source id, and put in by hand. */
export function recordRoutes(app: Api, { control, runs, readsFor }: RecordDeps): void {
  const enqueueOptions = { config: { access: 'operator' }, bodyLimit: enqueueLimit, schema: enqueueSchema } as const;
  app.post('/runs/:id/records', enqueueOptions, async (request, reply) => {
    const answer = await control.enqueue(request.params.id, request.body, actorOf(request));
    runs.forget(answer.run.id);
    return reply.code(202).header('location', `/api/v1/runs/${answer.run.id}/records`).send(answer);
  });

  app.get('/runs/:id/records', { config: { access: 'viewer' }, schema: listSchema }, async (request) => {
    const { params, query } = request;
    const cursor = decodeCursor(query.cursor, numericName);
    return opaque(await readsFor(request).records(params.id, { ...query, cursor }));
  });

  app.get('/records', { config: { access: 'viewer' }, schema: findSchema }, async (request) => ({
    items: await readsFor(request).journeys(request.query.sourceId),
  }));
}

const enqueueSchema = {
  tags,
  operationId: 'enqueueRecords',
  summary: 'Put records into a run, by source id or whole, one job a record; at most 5 MB at a time',
  headers: idempotencyHeader,
  params: runParams,
  body: enqueueBody,
  response: answers({ 202: z.object({ accepted: z.int(), run: runSchema }) }),
};

const listSchema = {
  tags,
  operationId: 'listRecords',
  summary: 'Records of a run',
  params: runParams,
  querystring: recordsQuery,
  response: answers({ 200: pageOf(recordSchema) }),
};

const findSchema = {
  tags,
  operationId: 'findRecord',
  summary: 'The journey of one source id through every run: stages, tries, and its row in the target',
  querystring: journeysQuery,
  response: answers({ 200: z.object({ items: z.array(journeySchema).readonly() }) }),
};
