import { z } from 'zod';
import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, optionalReasonBody, reasonSchema, responses, runParams } from '../schemas/common.ts';
import { rollbackSchema, validationSchema } from '../schemas/validation.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

type ValidationDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Proving a run right, and undoing it. */
export function validationRoutes(app: Api, { control, runs, readsFor }: ValidationDeps): void {
  app.post('/runs/:id/validate', { config: { access: 'operator' }, schema: validateSchema }, (request) =>
    control.validate(request.params.id, actorOf(request)),
  );

  app.get('/runs/:id/validation', { config: { access: 'viewer' }, schema: getValidationSchema }, (request) =>
    readsFor(request).validation(request.params.id),
  );

  app.post(
    '/runs/:id/rollback',
    { config: { access: 'operator' }, schema: rollbackRunSchema },
    async (request, reply) => {
      const { reason, dryRun = false } = request.body;
      const answer = await control.rollback(request.params.id, { reason, dryRun }, actorOf(request));
      runs.invalidate(request.params.id);
      if (answer.status === 'done') return reply.code(200).send(answer);
      return reply.code(202).header('location', `/api/v1/runs/${request.params.id}/rollback`).send(answer);
    },
  );

  app.get('/runs/:id/rollback', { config: { access: 'operator' }, schema: getRollbackSchema }, (request) =>
    control.rollbackOf(request.params.id),
  );
}

const validateSchema = {
  tags: ['validation'],
  operationId: 'validateRun',
  summary: 'Check every rule now',
  headers: idempotencyHeader,
  params: runParams,
  body: optionalReasonBody,
  response: responses({ 200: validationSchema }),
};

const getValidationSchema = {
  tags: ['validation'],
  operationId: 'getValidation',
  summary: 'The newest validation, and whether the target changed since',
  params: runParams,
  response: responses({ 200: validationSchema }),
};

const rollbackRunSchema = {
  tags: ['runs'],
  operationId: 'rollbackRun',
  summary:
    'Undo what the run loaded: remove what it inserted, restore what it changed; 202 where that goes on after the answer',
  headers: idempotencyHeader,
  params: runParams,
  body: z.strictObject({ reason: reasonSchema, dryRun: z.boolean().optional() }),
  response: responses({ 200: rollbackSchema, 202: rollbackSchema }),
};

const getRollbackSchema = {
  tags: ['runs'],
  operationId: 'getRollback',
  summary: 'Where a rollback stands that goes on after its answer, with everything that was left alone',
  params: runParams,
  response: responses({ 200: rollbackSchema }),
};
