import { z } from 'zod';
import type { DuplicateRow, RepairPlanView, RepairResultView } from '../../contract/records.ts';
import { actorOf, type ReadsFor } from '../auth/access.ts';
import { type RunReader, rollbackSchema, runSchema, validationSchema } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import { idempotencyHeader, optionalReasonBody, reasonBody, reasonSchema, responses, runParams } from './common.ts';
import { failureSchema } from './records.ts';

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
    control.rollbackStatus(request.params.id),
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

const text = z.string();

const duplicateRowSchema = z
  .object({
    entity: text,
    table: text,
    targetId: text.describe('The row that is too many'),
    sourceId: text.describe('The record it doubles'),
    ofTargetId: text.describe('The row of that record, which stays'),
    refusal: text.nullable().describe('Why it is left to a person; null of a row that mending removes'),
  })
  .meta({ id: 'DoubledRow' }) satisfies z.ZodType<DuplicateRow>;

const repairPlanSchema = z
  .object({
    runId: text,
    write: z.array(failureSchema).readonly().describe('Records that differ or are missing'),
    remove: z.array(duplicateRowSchema).readonly().describe('Rows that are in the target twice'),
  })
  .meta({ id: 'Mending' }) satisfies z.ZodType<RepairPlanView>;

const repairResultSchema = z
  .object({
    written: z.int().describe('Records on their way to be written and compared again'),
    removed: z.array(duplicateRowSchema).readonly(),
    left: z.array(duplicateRowSchema).readonly().describe('Doubled rows that were left alone, and why'),
    run: runSchema,
  })
  .meta({ id: 'Mended' }) satisfies z.ZodType<RepairResultView>;

type RepairDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Making the target what the source says, after a comparison. */
export function repairRoutes(app: Api, { control, runs, readsFor }: RepairDeps): void {
  app.get('/runs/:id/mending', { config: { access: 'viewer' }, schema: getRepairSchema }, (request) =>
    readsFor(request).repairPlan(request.params.id),
  );

  app.post('/runs/:id/mend', { config: { access: 'operator' }, schema: repairRunSchema }, async (request, reply) => {
    const { id } = request.params;
    const answer = await control.repair(id, request.body.reason, actorOf(request));
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
