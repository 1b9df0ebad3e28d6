import { z } from 'zod';
import type { DuplicateRow, RepairPlanView, RepairResultView } from '../../contract/records.ts';
import type { RollbackView, ValidationView } from '../../contract/runs.ts';
import { actorOf, type ReadsFor } from '../auth/access.ts';
import { type RunReader, rollbackStatusSchema, runSchema } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  count,
  idempotencyHeader,
  optionalReasonBody,
  reasonBody,
  reasonSchema,
  responses,
  runParams,
  text,
} from './common.ts';
import { failureSchema } from './records.ts';

const checkSchema = z
  .object({
    name: text,
    entity: text.nullable(),
    severity: z.enum(['error', 'warning']),
    ok: z.boolean(),
    description: text,
    checked: count,
    violations: count,
    rows: z
      .array(z.object({ sourceId: text, targetId: text.nullable(), detail: text }))
      .readonly()
      .describe('Every row that breaks the rule'),
  })
  .meta({ id: 'ValidationCheck' });

const validationSchema = z
  .object({
    runId: text,
    at: text,
    dataVersion: text,
    stale: z.boolean().describe('The target changed after the validation'),
    status: z.enum(['green', 'red']),
    checks: z.array(checkSchema).readonly(),
  })
  .meta({ id: 'Validation' }) satisfies z.ZodType<ValidationView>;

const rollbackSchema = z
  .object({
    runId: text,
    dryRun: z.boolean(),
    status: rollbackStatusSchema,
    done: count.describe('Rows processed so far, of those to undo'),
    total: count,
    removed: count,
    restored: count,
    conflicts: z
      .array(z.object({ entity: text, targetId: text, detail: text }))
      .readonly()
      .describe('Rows changed since by something else: left unchanged'),
    error: text.nullable().describe('Why it failed'),
  })
  .meta({ id: 'Rollback' }) satisfies z.ZodType<RollbackView>;

type ValidationDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Validating a run, and rolling it back. */
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
    'Undo what the run loaded: remove inserted rows, restore changed ones; 202 where that continues after the answer',
  headers: idempotencyHeader,
  params: runParams,
  body: z.strictObject({ reason: reasonSchema, dryRun: z.boolean().optional() }),
  response: responses({ 200: rollbackSchema, 202: rollbackSchema }),
};

const getRollbackSchema = {
  tags: ['runs'],
  operationId: 'getRollback',
  summary: 'The state of a rollback that continues after its answer, with all rows that were left unchanged',
  params: runParams,
  response: responses({ 200: rollbackSchema }),
};

const duplicateRowSchema = z
  .object({
    entity: text,
    table: text,
    targetId: text.describe('The duplicate row'),
    sourceId: text.describe('The record that it duplicates'),
    ofTargetId: text.describe('The row of that record, which stays'),
    refusal: text.nullable().describe('Why it is left for a manual decision; null when the repair removes the row'),
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
    written: z.int().describe('Records that are written and compared again'),
    removed: z.array(duplicateRowSchema).readonly(),
    left: z.array(duplicateRowSchema).readonly().describe('Duplicate rows that were left unchanged, and why'),
    run: runSchema,
  })
  .meta({ id: 'Mended' }) satisfies z.ZodType<RepairResultView>;

type RepairDeps = Pick<ApiDeps, 'control'> & { runs: RunReader; readsFor: ReadsFor };

/** Repairing the target after a comparison: rewriting records that differ, removing duplicate rows. */
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
  summary: 'The repair plan: records to be written again, duplicate rows to be removed',
  params: runParams,
  response: responses({ 200: repairPlanSchema }),
};

const repairRunSchema = {
  tags: repairTags,
  operationId: 'mendRun',
  summary: 'Remove rows that are provably duplicates, write records that differ again, and compare them',
  headers: idempotencyHeader,
  params: runParams,
  body: reasonBody,
  response: responses({ 202: repairResultSchema }),
};
