import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, reasonBody, responses, runParams } from '../schemas/common.ts';
import { repairPlanSchema, repairResultSchema } from '../schemas/mending.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

type RepairDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Making the target what the source says, after a comparison. */
export function repairRoutes(app: Api, { control, runs, readsFor }: RepairDeps): void {
  app.get('/runs/:id/mending', { config: { access: 'viewer' }, schema: getRepairSchema }, (request) =>
    readsFor(request).mending(request.params.id),
  );

  app.post('/runs/:id/mend', { config: { access: 'operator' }, schema: repairRunSchema }, async (request, reply) => {
    const { id } = request.params;
    const answer = await control.mend(id, request.body.reason, actorOf(request));
    runs.invalidate(id);
    return reply.code(202).send(answer);
  });
}

const repairTags = ['validation'];

const getRepairSchema = {
  tags: repairTags,
  operationId: 'getMending',
  summary: 'What would make the target what the source says: records to be written again, doubled rows to be removed',
  params: runParams,
  response: responses({ 200: repairPlanSchema }),
};

const repairRunSchema = {
  tags: repairTags,
  operationId: 'mendRun',
  summary: 'Remove rows that are provably doubled, write what differs again, and compare it',
  headers: idempotencyHeader,
  params: runParams,
  body: reasonBody,
  response: responses({ 202: repairResultSchema }),
};
