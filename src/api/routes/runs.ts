import type { z } from 'zod';
import type { Control } from '../../contract/control.ts';
import type { RunView } from '../../contract/runs.ts';
import { maskRun } from '../../engine/masking/mask.ts';
import { actorOf, canSeePersonalData, type ReadsFor } from '../auth/access.ts';
import { changeRunBody, type RunReader, runSchema, runsQuery, startRunBody } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  decodeCursor,
  encodePage,
  idempotencyHeader,
  optionalReasonBody,
  pageOf,
  reasonBody,
  responses,
  runParams,
} from './common.ts';

const tags = ['runs'];

type RunDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Starting, reading and changing runs. */
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
  summary: 'Start a run of a plan; at most 24 MB per request',
  headers: idempotencyHeader,
  body: startRunBody,
  response: responses({ 202: runSchema }),
};

// The most ids that the schema accepts, each of the greatest length, with quotes and commas; and some more for the rest.
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
  summary: 'One run: its status, progress, counts, sums and the actions it accepts now',
  params: runParams,
  response: responses({ 200: runSchema }),
};

const changeSchema = {
  tags,
  operationId: 'changeRun',
  summary: 'Change the number of records per job',
  params: runParams,
  body: changeRunBody,
  response: responses({ 200: runSchema }),
};

type DateInput = z.output<typeof startRunBody>['since'];

/** A date becomes its start in UTC; an instant with an offset is converted to UTC. */
function toIsoInstant(when: DateInput): string | undefined {
  return when === undefined ? undefined : new Date(when).toISOString();
}

/** Pause, resume, cancel, retry and reconcile. Pause and cancel are requests: the answer shows `pausing`, `cancelling`. */
export function runActionRoutes(app: Api, { control, runs }: Pick<ApiDeps, 'control'> & { runs: RunReader }): void {
  const invalidated = async (change: Promise<RunView>): Promise<RunView> => {
    const run = await change;
    runs.invalidate(run.id);
    return run;
  };

  for (const { name, summary } of actionsWithReason) {
    app.post(`/runs/:id/${name}`, { config: { access: 'operator' }, schema: actionSchema(name, summary) }, (request) =>
      invalidated(control[name](request.params.id, request.body.reason, actorOf(request))),
    );
  }

  app.post('/runs/:id/retry', { config: { access: 'operator' }, schema: retrySchema }, (request) =>
    invalidated(control.retry(request.params.id, request.body?.reason ?? '', actorOf(request))),
  );
}

type Action = Extract<keyof Control, 'pause' | 'resume' | 'cancel' | 'reconcile'>;

const actionsWithReason: readonly { readonly name: Action; readonly summary: string }[] = [
  { name: 'pause', summary: 'Pause: workers finish their current jobs, no new ones start' },
  { name: 'resume', summary: 'Resume a paused run' },
  { name: 'cancel', summary: 'Cancel permanently; loaded rows stay until they are rolled back' },
  {
    name: 'reconcile',
    summary: 'Compare every record that a finished run loaded with the target again, field by field',
  },
];

const actionRoute = {
  tags: ['runs'],
  headers: idempotencyHeader,
  params: runParams,
  response: responses({ 200: runSchema }),
};

const actionSchema = (name: Action, summary: string) => ({
  ...actionRoute,
  operationId: `${name}Run`,
  summary,
  body: reasonBody,
});

const retrySchema = {
  ...actionRoute,
  operationId: 'retryRun',
  summary:
    'Read rejected and failed records from the source again, rewrite mismatched ones, continue an extraction where it failed',
  body: optionalReasonBody,
};
