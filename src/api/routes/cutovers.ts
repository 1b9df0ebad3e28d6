import { z } from 'zod';
import { maskConflict, maskCutover, maskCutoverEntry } from '../../engine/privacy/views.ts';
import { canSeePersonalData } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import { idempotencyHeader, idSchema, pageOf, pageQuery, reasonBody, responses } from '../schemas/common.ts';
import {
  conflictSchema,
  cutoverEntrySchema,
  cutoverSchema,
  forecastSchema,
  rollbackCutoverBody,
  stampParams,
  startCutoverBody,
} from '../schemas/cutover.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';
import { decodeCursor, encodePage, numericCursor } from './page.ts';

/**
 * Making staging tables the live ones, and the way back. What takes long goes on after its answer: 202 with a stamp,
 * whose status is asked for.
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
    const view = await cutovers.go(request.params.stamp, request.body.reason, actorOf(request));
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

  // Nothing brings a backup back, so it takes more than steering does.
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
  summary: 'Cutovers and rollbacks, the newest first, with what their backups hold',
  querystring: z.strictObject({ plan: idSchema.optional() }),
  response: responses({ 200: z.object({ items: z.array(cutoverEntrySchema).readonly() }) }),
};

const getSchema = {
  tags,
  operationId: 'getCutover',
  summary: 'One of them: where it stands, what it did, and what may be asked of it',
  params: stampParams,
  response: responses({ 200: cutoverSchema }),
};

const conflictsSchema = {
  tags,
  operationId: 'listCutoverConflicts',
  summary: 'What a rollback met in the restored tables that its changes did not expect, in pages',
  params: stampParams,
  querystring: z.strictObject(pageQuery),
  response: responses({ 200: pageOf(conflictSchema) }),
};

const goSchema = {
  ...stampRoute,
  operationId: 'goCutover',
  summary: 'Carry out what is held, or go on with what was interrupted',
  body: reasonBody,
  response: responses({ 202: cutoverSchema }),
};

const abandonSchema = {
  ...stampRoute,
  operationId: 'abandonCutover',
  summary: 'Let go of what is held or was interrupted; the live tables are as they were',
  body: reasonBody,
  response: responses({ 200: cutoverSchema }),
};

const rollbackSchema = {
  ...stampRoute,
  operationId: 'rollbackCutover',
  summary:
    'Put the backup of this stamp back, with what was written since; answers the rollback, which has its own stamp',
  body: rollbackCutoverBody,
  response: responses({ 200: forecastSchema, 202: cutoverSchema }),
};

const dropSchema = {
  ...stampRoute,
  operationId: 'dropBackup',
  summary: 'Delete the backup of this stamp for good',
  body: reasonBody,
  response: responses({ 200: cutoverSchema }),
};
