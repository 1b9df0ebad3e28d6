import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IdempotencyStore, Reservation } from '../../db/stores/idempotency.ts';
import { HttpProblem } from './problems.ts';
import type { Api } from './types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while this request holds its Idempotency-Key. */
    reserved: { readonly actor: string; readonly key: string; readonly alive: NodeJS.Timeout } | null;
    /** What a repetition is answered instead of what was sent: for answers that hold a secret. */
    keepInstead: unknown;
  }
}

const touchIntervalMs = 60_000;

/**
 * Lets a POST be sent again without being done again. The first answer is kept for a day under the caller and his
 * Idempotency-Key; only answers that changed something are, so a refused request may be corrected and sent again. A
 * caller who hung up and asks again is told what became of it, whatever that was: the work is not begun once more.
 */
export function handleIdempotencyKeys(app: Api, store: IdempotencyStore): void {
  app.decorateRequest('reserved', null);
  app.decorateRequest('keepInstead', undefined);
  // After validation: what is malformed reserves nothing.
  app.addHook('preHandler', async (request, reply) => {
    const key = idempotencyKeyOf(request);
    if (key === undefined || !request.actor) return;
    const reservation = await store.reserve(request.actor.id, key, requestHash(request));
    if (reservation.kind === 'answered') return sendStoredResponse(reply, reservation.answer);
    if (reservation.kind !== 'fresh') throw conflictProblem(reservation.kind);
    const actor = request.actor.id;
    // A validation or a rollback may take longer than it takes to be given up for lost.
    const alive = setInterval(() => void store.touch(actor, key).catch(() => undefined), touchIntervalMs);
    request.reserved = { actor, key, alive: alive.unref() };
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.reserved) await storeResponse(store, request, reply, payload);
  });
}

function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined || request.method !== 'POST' || request.routeOptions.config.idempotent === false)
    return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new HttpProblem({
    status: 400,
    code: 'BAD_REQUEST',
    detail: 'The Idempotency-Key is not 1 to 255 visible ASCII characters.',
    remedy: 'Send a random one, a UUID for example.',
  });
}

function requestHash(request: FastifyRequest): string {
  const text = JSON.stringify([request.url, request.body ?? null]);
  return createHash('sha256').update(text).digest('hex');
}

function sendStoredResponse(
  reply: FastifyReply,
  answer: Extract<Reservation, { kind: 'answered' }>['answer'],
): FastifyReply {
  if (answer.location !== null) reply.header('location', answer.location);
  if (answer.status >= 400) reply.type('application/problem+json');
  return reply.header('idempotent-replayed', 'true').code(answer.status).send(answer.body);
}

async function storeResponse(store: IdempotencyStore, request: FastifyRequest, reply: FastifyReply, payload: unknown) {
  const { actor, key, alive } = request.reserved as NonNullable<FastifyRequest['reserved']>;
  clearInterval(alive);
  request.reserved = null;
  try {
    const hungUp = reply.raw.destroyed || request.raw.socket?.destroyed === true;
    if (reply.statusCode >= 300 && !hungUp) return await store.release(actor, key);
    const location = reply.getHeader('location');
    const body = request.keepInstead ?? (typeof payload === 'string' ? JSON.parse(payload) : null);
    await store.saveResponse(actor, key, {
      status: reply.statusCode,
      location: location ? String(location) : null,
      body,
    });
  } catch (error) {
    // The work is done; its answer goes out all the same. A repetition is told that nobody knows.
    request.log.error({ err: error }, 'an answer could not be kept for its idempotency key');
  }
}

function conflictProblem(kind: 'running' | 'unknown' | 'other request'): HttpProblem {
  if (kind === 'other request') {
    return new HttpProblem({
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
      detail: 'This Idempotency-Key was used for another request.',
      remedy: 'Use a new key for a new request, and the same body for a repetition.',
    });
  }
  if (kind === 'running') {
    return new HttpProblem(
      {
        status: 409,
        code: 'IDEMPOTENCY_KEY_BUSY',
        detail: 'The first request with this Idempotency-Key is still at work.',
        remedy: 'Wait a moment and send it again.',
      },
      { 'retry-after': '1' },
    );
  }
  return new HttpProblem({
    status: 409,
    code: 'IDEMPOTENCY_KEY_LOST',
    detail: 'The first request with this Idempotency-Key never ended: its process was lost.',
    remedy: 'Look whether it took effect (GET /api/v1/runs, GET /api/v1/audit), and use a new key if it did not.',
  });
}
