import type { z } from 'zod';
import { maskRun } from '../../engine/privacy/views.ts';
import { canSeePersonalData, type ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, pageOf, responses, runParams } from '../schemas/common.ts';
import { changeRunBody, runSchema, runsQuery, startRunBody } from '../schemas/run.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';
import { decodeCursor, encodePage } from './page.ts';

const tags = ['runs'];

type RunDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Starting runs, looking at them, and changing how they go. */
export function runRoutes(app: Api, { control, runs, readsFor }: RunDeps): void {
  app.post('/runs', startOptions, async (request, reply) => {
    const { since, until, ...rest } = request.body;
    const input = { ...rest, since: toIsoInstant(since), until: toIsoInstant(until) };
    const run = await control.startRun(input, actorOf(request));
    return reply.code(202).header('location', `/api/v1/runs/${run.id}`).send(run);
  });

  app.get('/runs', { config: { access: 'viewer' }, schema: listSchema }, async (request) => {
    const { query } = request;
    return encodePage(await readsFor(request).runs({ ...query, cursor: decodeCursor(query.cursor) }));
  });

  app.get('/runs/:id', { config: { access: 'viewer', limit: 'cached' }, schema: getSchema }, async (request, reply) => {
    const found = await runs.read(request.params.id);
    const run = canSeePersonalData(request.actor) ? found : maskRun(found);
    return reply.serializer(() => runs.toJson(run)).send(run);
  });

  app.patch('/runs/:id', { config: { access: 'operator' }, schema: changeSchema }, async (request) => {
    const { batchSize, reason } = request.body;
    const run = await control.changeBatchSize(request.params.id, batchSize, reason, actorOf(request));
    runs.invalidate(run.id);
    return run;
  });
}

const startSchema = {
  tags,
  operationId: 'startRun',
  summary: 'Start a run of a plan; at most 24 MB at a time',
  headers: idempotencyHeader,
  body: startRunBody,
  response: responses({ 202: runSchema }),
};

// As many ids as the schema takes, each as long as it takes, in quotes and with a comma; and room for the rest.
const startOptions = { config: { access: 'operator' }, bodyLimit: 24 * 1_048_576, schema: startSchema } as const;

const listSchema = {
  tags,
  operationId: 'listRuns',
  summary: 'Runs, the newest first',
  querystring: runsQuery,
  response: responses({ 200: pageOf(runSchema) }),
};

const getSchema = {
  tags,
  operationId: 'getRun',
  summary: 'One run: its status, progress, counts, sums and what may be asked of it',
  params: runParams,
  response: responses({ 200: runSchema }),
};

const changeSchema = {
  tags,
  operationId: 'changeRun',
  summary: 'Change how many records travel in one job',
  params: runParams,
  body: changeRunBody,
  response: responses({ 200: runSchema }),
};

type DateInput = z.output<typeof startRunBody>['since'];

/** A date is its beginning in UTC; an instant with an offset is put into UTC. */
function toIsoInstant(when: DateInput): string | undefined {
  return when === undefined ? undefined : new Date(when).toISOString();
}
