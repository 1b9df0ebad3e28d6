import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { answers, idempotencyHeader, reasonBody, runParams } from '../schemas/common.ts';
import { mendedSchema, mendingSchema } from '../schemas/mending.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

type MendingDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Making the target what the source says, after a comparison. */
export function mendingRoutes(app: Api, { control, runs, readsFor }: MendingDeps): void {
  app.get('/runs/:id/mending', { config: { access: 'viewer' }, schema: getSchema }, (request) =>
    readsFor(request).mending(request.params.id),
  );

  app.post('/runs/:id/mend', { config: { access: 'operator' }, schema: mendSchema }, async (request, reply) => {
    const { id } = request.params;
    const answer = await control.mend(id, request.body.reason, actorOf(request));
    runs.forget(id);
    return reply.code(202).send(answer);
  });
}

const tags = ['validation'];

const getSchema = {
  tags,
  operationId: 'getMending',
  summary: 'What would make the target what the source says: records to be written again, doubled rows to be removed',
  params: runParams,
  response: answers({ 200: mendingSchema }),
};

const mendSchema = {
  tags,
  operationId: 'mendRun',
  summary: 'Remove rows that are provably doubled, write what differs again, and compare it',
  headers: idempotencyHeader,
  params: runParams,
  body: reasonBody,
  response: answers({ 202: mendedSchema }),
};
