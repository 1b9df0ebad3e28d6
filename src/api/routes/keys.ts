import { z } from 'zod';
import type { StoredKey } from '../../../db/stores/keys.ts';
import { type Role, roles } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { actorOf } from '../auth/access.ts';
import { formatToken, generateToken, hashSecret, type KeyCache } from '../auth/keys.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  decodeCursor,
  idempotencyHeader,
  idSchema,
  pageOf,
  pageQuery,
  reasonBody,
  responses,
  text,
  textSchema,
  toPage,
} from './common.ts';
import type { RunEventDeps } from './run-events.ts';

const keyFields = {
  id: text,
  name: text,
  role: z.enum(roles),
  createdBy: text,
  createdAt: text,
  expiresAt: text.nullable(),
  revokedAt: text.nullable(),
  lastUsedAt: text.nullable(),
};

const keySchema = z.object(keyFields).meta({ id: 'Key' });

const newKeySchema = z
  .object({ ...keyFields, key: text.nullable().describe('Shown only once; null in a repeated answer') })
  .meta({ id: 'NewKey' });

const newKeyBody = z.strictObject({
  name: textSchema(100).describe('Whose it is'),
  role: z.enum(roles),
  expiresAt: z.iso
    .datetime({ offset: true })
    .refine((at) => Date.parse(at) > Date.now(), { error: 'is in the past' })
    .optional(),
});

const keysQuery = z.strictObject(pageQuery);

const tags = ['keys'];

type KeyDeps = Pick<ApiDeps, 'keys'> & Pick<RunEventDeps, 'streams'> & { readonly cache: KeyCache };

/** API keys. The secret is shown once, when the key is created. */
export function keyRoutes(app: Api, { keys, cache, streams }: KeyDeps): void {
  app.get('/keys', { config: { access: 'admin' }, schema: listSchema }, async ({ query }) => {
    const { cursor, limit = 50 } = query;
    const rows = await keys.list({ before: decodeCursor(cursor), limit: limit + 1 });
    return toPage(rows, limit, toKeyView, (row) => row.id);
  });

  app.post('/keys', { config: { access: 'admin' }, schema: createSchema }, async (request, reply) => {
    const { name, role, expiresAt } = request.body;
    const actor = actorOf(request);
    const token = generateToken();
    const stored = await keys.create(
      {
        id: token.id,
        name,
        role,
        secretHash: hashSecret(token.secret),
        createdBy: actor.id,
        expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
      },
      { actor: actor.id, role: actor.role, action: 'key.create', subject: `key:${token.id}`, details: { name, role } },
    );
    const view = toKeyView(stored);
    // Only the hash of the secret is stored, so a repeated request cannot return it again.
    request.storedBody = { ...view, key: null };
    return reply.code(201).send({ ...view, key: formatToken(token) });
  });

  app.delete('/keys/:id', { config: { access: 'admin' }, schema: deleteSchema }, async (request, reply) => {
    const { id } = request.params;
    const { id: actor, role } = actorOf(request);
    const { reason } = request.body;
    const removal = await keys.revoke(id, { actor, role, action: 'key.revoke', subject: `key:${id}`, reason });
    cache.invalidate(id);
    await streams.endInactive();
    if (removal === 'absent') throw new DroverError('NOT_FOUND', `there is no key ${id}, or it is revoked already`);
    if (removal === 'last admin') throw lastAdminKeyError(id);
    return reply.code(204).send();
  });
}

function lastAdminKeyError(id: string): DroverError {
  return new DroverError('NOT_ALLOWED_NOW', `${id} is the last admin key: without it no other key could be created`, {
    remedy: 'Create another admin key first.',
  });
}

function toKeyView(key: StoredKey) {
  const { id, name, role, createdBy, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  return {
    id,
    name,
    role: role as Role,
    createdBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}

const listSchema = {
  tags,
  operationId: 'listKeys',
  summary: 'Keys, the newest first, revoked ones too',
  querystring: keysQuery,
  response: responses({ 200: pageOf(keySchema) }),
};

const createSchema = {
  tags,
  operationId: 'createKey',
  summary: 'Create a key; its secret is shown only once',
  headers: idempotencyHeader,
  body: newKeyBody,
  response: responses({ 201: newKeySchema }),
};

const deleteSchema = {
  tags,
  operationId: 'revokeKey',
  summary: 'Revoke a key at once, with the sessions that were started with it',
  params: z.strictObject({ id: idSchema }),
  body: reasonBody,
  response: responses({ 204: z.undefined().describe('Revoked') }),
};
