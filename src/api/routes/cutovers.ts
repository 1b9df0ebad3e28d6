import { z } from 'zod';
import {
  type CutoverEntry,
  type CutoverForecast,
  type CutoverView,
  cutoverActions,
  cutoverStatuses,
  maxConflictsInView,
} from '../../contract/cutover.ts';
import { maskConflict, maskCutover, maskCutoverEntry } from '../../engine/masking/mask.ts';
import { actorOf, canSeePersonalData } from '../auth/access.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  count,
  decodeCursor,
  encodePage,
  idempotencyHeader,
  idSchema,
  numericCursor,
  pageOf,
  pageQuery,
  reasonBody,
  reasonSchema,
  responses,
  storableText,
  text,
} from './common.ts';

// Names in PostgreSQL have at most 63 bytes; a character may take several.
const identifierSchema = storableText(1, 63);
const qualifiedNameSchema = z.object({ schema: text, name: text });
const kindSchema = z.enum(['cutover', 'rollback']);

const exchangeSchema = z
  .object({
    incoming: qualifiedNameSchema.describe('The table that takes the live name'),
    live: qualifiedNameSchema.describe('The name the applications use'),
    displaced: qualifiedNameSchema.describe('The name that the previous live table gets'),
  })
  .meta({ id: 'Exchange' });

const planSchema = z
  .object({
    name: text,
    stamp: text,
    tables: z.array(exchangeSchema).readonly(),
    problems: z.array(text).readonly().describe('Why it is refused; empty when it is possible'),
    warnings: z.array(text).readonly(),
    items: z
      .array(z.object({ kind: text, object: text, action: text }))
      .readonly()
      .describe('Every affected object of the catalog, and what is done with it'),
    steps: z
      .array(
        z.object({
          phase: z.enum(['prepare', 'staged', 'lock', 'swap', 'after']),
          object: text,
          action: text,
          sql: text,
        }),
      )
      .readonly(),
    locks: z.array(qualifiedNameSchema).readonly().describe('Every table that is locked, staging tables included'),
    differences: z
      .array(z.object({ key: text, why: text }))
      .readonly()
      .describe('Intended differences in the catalog afterwards'),
    sql: text.describe('The exact SQL, phase by phase'),
  })
  .meta({ id: 'CutoverPlan' });

const forecastSchema = z
  .object({
    dryRun: z.literal(true),
    kind: kindSchema,
    plan: planSchema,
    carried: count.describe('In a rollback: changes written since that would be carried back'),
  })
  .meta({ id: 'CutoverForecast' }) satisfies z.ZodType<CutoverForecast>;

const conflictSchema = z.object({ table: text, key: text, detail: text }).meta({ id: 'CutoverConflict' });

const entryFields = z.object({
  ...{ stamp: text, plan: text, kind: kindSchema, status: z.enum(cutoverStatuses) },
  ofStamp: text.nullable().describe('In a rollback: the stamp that it restored'),
  tables: z.array(exchangeSchema).readonly(),
  ...{ reason: text, actor: text, createdAt: text, swappedAt: text.nullable() },
  ageSeconds: z.number(),
  bytes: z.number().describe('Size of the backup'),
  restorable: z.boolean(),
  progress: z
    .object({ phase: z.enum(['check', 'prepare', 'carry', 'swap', 'after']), done: count, total: count, step: text })
    .nullable(),
  problems: z.array(text).readonly().describe('Why it was refused or failed, or what is still missing'),
  counts: z.array(z.object({ table: text, incoming: count, live: count })).readonly(),
  timing: z
    .object({ lockWaitMs: z.number(), lockedMs: z.number(), attempts: count })
    .nullable()
    .describe('How long the swap waited for its locks and held them'),
  unplanned: z.array(text).readonly().describe('Unplanned differences in the catalog'),
  carried: count,
  conflictCount: count.describe('In a rollback: changes that conflict with the restored tables'),
  nextActions: z.array(z.enum(cutoverActions)).readonly(),
});

/** The form in lists, without conflicts: a rollback may have as many conflicts as rows were written. */
const cutoverEntrySchema = entryFields.meta({ id: 'CutoverEntry' }) satisfies z.ZodType<CutoverEntry>;

const cutoverSchema = entryFields
  .extend({
    conflicts: z
      .array(conflictSchema)
      .readonly()
      .describe(`The first ${maxConflictsInView} of them; /conflicts gives all in pages`),
  })
  .meta({ id: 'Cutover' }) satisfies z.ZodType<CutoverView>;

const startCutoverBody = z.strictObject({
  plan: idSchema,
  dryRun: z.boolean().optional().describe('Only show what would be done, with the SQL'),
  hold: z.boolean().optional().describe('Prepare everything, then wait for go'),
  reason: reasonSchema,
  stagingSchema: identifierSchema
    .optional()
    .describe("Where runs have loaded; default the plan's own, or its schema with _staging"),
  liveSchema: identifierSchema.optional().describe("Where the live tables are; default the plan's own, or its schema"),
  tables: z
    .array(
      z.strictObject({
        table: identifierSchema,
        live: z.strictObject({ schema: identifierSchema, name: identifierSchema }).optional(),
      }),
    )
    .min(1)
    .max(500)
    .optional()
    .describe('Tables of the plan; all when absent'),
  minimums: z
    .record(identifierSchema, count)
    .optional()
    .describe('Minimum number of rows by table of the plan; default 1'),
  maxShrinkPercent: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('Maximum percentage of rows fewer than live; default 50'),
});

const rollbackCutoverBody = z.strictObject({ reason: reasonSchema, dryRun: z.boolean().optional() });

const stampParams = z.strictObject({
  stamp: z.string().regex(/^[0-9_]{1,40}$/, { error: 'give a stamp as `drover cutovers` shows it' }),
});

/**
 * Making staging tables the live ones, and rolling that back. Long work continues after the answer: 202 with a stamp, under
 * which its status can be read.
 */
export function cutoverRoutes(app: Api, { cutovers }: Pick<ApiDeps, 'cutovers'>): void {
  app.post('/cutovers', { config: { access: 'operator' }, schema: startSchema }, async (request, reply) => {
    const { dryRun = false, hold = false, reason, ...input } = request.body;
    if (dryRun) return reply.code(200).send(await cutovers.plan(input));
    const view = await cutovers.start({ ...input, hold }, reason, actorOf(request));
    return reply.code(202).header('location', locationOf(view.stamp)).send(view);
  });

  app.get('/cutovers', { config: { access: 'viewer' }, schema: listSchema }, async ({ query, actor }) => {
    const all = (await cutovers.list()).filter((one) => query.plan === undefined || one.plan === query.plan);
    return { items: canSeePersonalData(actor) ? all : all.map(maskCutoverEntry) };
  });

  app.get('/cutovers/:stamp', { config: { access: 'viewer' }, schema: getSchema }, async ({ params, actor }) => {
    const view = await cutovers.find(params.stamp);
    return canSeePersonalData(actor) ? view : maskCutover(view);
  });

  app.get('/cutovers/:stamp/conflicts', { config: { access: 'viewer' }, schema: conflictsSchema }, async (request) => {
    const { limit = 100, cursor } = request.query;
    const from = Number(decodeCursor(cursor, numericCursor) ?? 0);
    const found = await cutovers.conflicts(request.params.stamp, from, limit + 1);
    const items = found.slice(0, limit).map((one) => (canSeePersonalData(request.actor) ? one : maskConflict(one)));
    return encodePage({ items, nextCursor: found.length > limit ? String(from + limit) : null });
  });

  app.post('/cutovers/:stamp/go', { config: { access: 'operator' }, schema: goSchema }, async (request, reply) => {
    const view = await cutovers.resume(request.params.stamp, request.body.reason, actorOf(request));
    return reply.code(202).header('location', locationOf(view.stamp)).send(view);
  });

  app.post('/cutovers/:stamp/abandon', { config: { access: 'operator' }, schema: abandonSchema }, (request) =>
    cutovers.abandon(request.params.stamp, request.body.reason, actorOf(request)),
  );

  backupRoutes(app, { cutovers });
}

function backupRoutes(app: Api, { cutovers }: Pick<ApiDeps, 'cutovers'>): void {
  const rollback = { config: { access: 'operator' }, schema: rollbackSchema } as const;
  app.post('/cutovers/:stamp/rollback', rollback, async (request, reply) => {
    const { reason, dryRun = false } = request.body;
    if (dryRun) return reply.code(200).send(await cutovers.planRollback(request.params.stamp));
    const view = await cutovers.rollback(request.params.stamp, reason, actorOf(request));
    return reply.code(202).header('location', locationOf(view.stamp)).send(view);
  });

  // A dropped backup cannot be restored, so it needs the role admin.
  app.post('/cutovers/:stamp/drop-backup', { config: { access: 'admin' }, schema: dropSchema }, (request) =>
    cutovers.dropBackup(request.params.stamp, request.body.reason, actorOf(request)),
  );
}

const locationOf = (stamp: string): string => `/api/v1/cutovers/${stamp}`;

const tags = ['cutovers'];
const changingRoute = { tags, headers: idempotencyHeader };
const stampRoute = { ...changingRoute, params: stampParams };

const startSchema = {
  ...changingRoute,
  operationId: 'startCutover',
  summary: 'Make the staging tables of a plan the live ones; 409 with every reason when it is refused',
  body: startCutoverBody,
  response: responses({ 200: forecastSchema, 202: cutoverSchema }),
};

const listSchema = {
  tags,
  operationId: 'listCutovers',
  summary: 'Cutovers and rollbacks, the newest first, with the size of their backups',
  querystring: z.strictObject({ plan: idSchema.optional() }),
  response: responses({ 200: z.object({ items: z.array(cutoverEntrySchema).readonly() }) }),
};

const getSchema = {
  tags,
  operationId: 'getCutover',
  summary: 'One cutover or rollback: its status, what it did, and the actions it accepts now',
  params: stampParams,
  response: responses({ 200: cutoverSchema }),
};

const conflictsSchema = {
  tags,
  operationId: 'listCutoverConflicts',
  summary: 'Conflicts of a rollback with the restored tables, in pages',
  params: stampParams,
  querystring: z.strictObject(pageQuery),
  response: responses({ 200: pageOf(conflictSchema) }),
};

const goSchema = {
  ...stampRoute,
  operationId: 'goCutover',
  summary: 'Carry out what is held, or continue what was interrupted',
  body: reasonBody,
  response: responses({ 202: cutoverSchema }),
};

const abandonSchema = {
  ...stampRoute,
  operationId: 'abandonCutover',
  summary: 'Abandon what is held or was interrupted; the live tables are unchanged',
  body: reasonBody,
  response: responses({ 200: cutoverSchema }),
};

const rollbackSchema = {
  ...stampRoute,
  operationId: 'rollbackCutover',
  summary:
    'Restore the backup of this stamp, with what was written since; answers the rollback, which has its own stamp',
  body: rollbackCutoverBody,
  response: responses({ 200: forecastSchema, 202: cutoverSchema }),
};

const dropSchema = {
  ...stampRoute,
  operationId: 'dropBackup',
  summary: 'Delete the backup of this stamp permanently',
  body: reasonBody,
  response: responses({ 200: cutoverSchema }),
};
