import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type IdempotencyStore, type Reservation, runWithReservation } from '../../db/stores/idempotency.ts';
import { HttpProblem } from './problems.ts';
import type { Api } from './types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while this request holds its Idempotency-Key. */
    idempotencyReservation: { readonly actor: string; readonly key: string; readonly timer: NodeJS.Timeout } | null;
    /** Stored instead of the body that was sent, for answers that contain a secret. */
    storedBody: unknown;
  }
}

const touchIntervalMs = 60_000;

/**
 * Makes a POST repeatable. The first answer is stored for a day under the actor and the Idempotency-Key. Only answers of
 * requests that changed something are stored, so a refused request may be corrected and sent again. A client that
 * disconnected and repeats its request gets the stored result, whatever it was: the work is not started again. Each change
 * marks the key in its own transaction, so a request that failed after its commit keeps the key and answers 409.
 */
export function handleIdempotencyKeys(app: Api, store: IdempotencyStore): void {
  app.decorateRequest('idempotencyReservation', null);
  app.decorateRequest('storedBody', undefined);
  // After validation: a malformed request reserves nothing.
  app.addHook('preHandler', async (request, reply) => {
    const key = idempotencyKeyOf(request);
    if (key === undefined || !request.actor) return;
    const reservation = await store.reserve(request.actor.id, key, requestHash(request));
    if (reservation.kind === 'answered') return sendStoredResponse(reply, reservation.answer);
    if (reservation.kind !== 'fresh') throw conflictProblem(reservation.kind);
    const actor = request.actor.id;
    // A validation or a rollback may take longer than the age at which a reservation counts as lost.
    const timer = setInterval(() => void store.touch(actor, key).catch(() => undefined), touchIntervalMs);
    request.idempotencyReservation = { actor, key, timer: timer.unref() };
  });
  // A callback hook, because the handler runs inside the call of `done`.
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.idempotencyReservation) runWithReservation(request.idempotencyReservation, done);
    else done();
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.idempotencyReservation) await storeResponse(store, request, reply, payload);
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
  const { actor, key, timer } = request.idempotencyReservation as NonNullable<FastifyRequest['idempotencyReservation']>;
  clearInterval(timer);
  request.idempotencyReservation = null;
  try {
    const disconnected = reply.raw.destroyed || request.raw.socket?.destroyed === true;
    // A failed request frees its key only when it changed nothing: after a lost reply to a commit, a repetition must not
    // make the change twice.
    if (reply.statusCode >= 500 || (reply.statusCode >= 300 && !disconnected)) {
      if (await store.release(actor, key)) return;
      const { problem } = conflictProblem('answer lost');
      return await store.saveResponse(actor, key, { status: problem.status, location: null, body: problem });
    }
    const location = reply.getHeader('location');
    const body = request.storedBody ?? (typeof payload === 'string' ? JSON.parse(payload) : null);
    await store.saveResponse(actor, key, {
      status: reply.statusCode,
      location: location ? String(location) : null,
      body,
    });
  } catch (error) {
    // The work is done, so its response is sent. A repetition gets the response that the outcome is unknown.
    request.log.error({ err: error }, 'an answer could not be stored for its idempotency key');
  }
}

function conflictProblem(kind: 'running' | 'unknown' | 'answer lost' | 'other request'): HttpProblem {
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
        detail: 'The first request with this Idempotency-Key is still running.',
        remedy: 'Wait a moment and send it again.',
      },
      { 'retry-after': '1' },
    );
  }
  if (kind === 'answer lost') {
    return new HttpProblem({
      status: 409,
      code: 'IDEMPOTENCY_KEY_LOST',
      detail: 'The first request with this Idempotency-Key took effect, but its answer was lost.',
      remedy: 'Find its result (GET /api/v1/runs, GET /api/v1/audit); a request with a new key would do it again.',
    });
  }
  return new HttpProblem({
    status: 409,
    code: 'IDEMPOTENCY_KEY_LOST',
    detail: 'The first request with this Idempotency-Key has no known outcome: its process was lost.',
    remedy: 'Check whether it took effect (GET /api/v1/runs, GET /api/v1/audit), and use a new key if it did not.',
  });
}
