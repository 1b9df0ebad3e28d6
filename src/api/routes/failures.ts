import { z } from 'zod';
import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, idSchema, optionalReasonBody, responses, runParams } from '../schemas/common.ts';
import { failureSchema } from '../schemas/record.ts';
import { runSchema } from '../schemas/run.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const failureTags = ['failures'];

type FailureDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** What went wrong, grouped by cause. */
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
  summary: 'Failures of a run by entity, stage, code and field, with what to do about them',
  params: runParams,
  response: responses({ 200: z.object({ items: z.array(failureSchema).readonly() }) }),
};

const replayFailuresSchema = {
  tags: failureTags,
  operationId: 'replayFailures',
  summary:
    'Try the records of one group again: rejected and failed ones are read from the source anew; those they block follow by themselves',
  headers: idempotencyHeader,
  params: runParams.extend({ group: idSchema }),
  body: optionalReasonBody,
  response: responses({ 202: z.object({ replayed: z.int(), run: runSchema }) }),
};
