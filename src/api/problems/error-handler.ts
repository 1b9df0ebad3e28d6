import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { mapError } from './map-error.ts';
import { makeProblem, sendProblem } from './problem.ts';

// How much of a body that is too large is read away, so that its sender hears why before the connection ends.
const drainBytes = 64 * 1_048_576;
const drainMs = 10_000;

/** Answers every error as a problem. 500s are logged; what clients did wrong is not. */
export async function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if ((error as Partial<FastifyError>)?.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return sendBodyTooLarge(request, reply);
  const { problem, headers } = mapError(error);
  if (problem.status >= 500) request.log.error({ err: error, route: request.routeOptions.url }, problem.code);
  return sendProblem(reply.headers(headers), problem);
}

async function sendBodyTooLarge(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  // Node closes the connection after the answer; with unread bytes in it, the client would see a reset and no answer.
  await drainBody(request);
  const megabytes = request.routeOptions.bodyLimit / 1_048_576;
  return sendProblem(
    reply,
    makeProblem({
      status: 413,
      code: 'BODY_TOO_LARGE',
      detail: `The body is larger than ${megabytes} MB, the most this address takes.`,
      remedy: 'Send several smaller requests.',
    }),
  );
}

function drainBody({ raw }: FastifyRequest): Promise<void> {
  return new Promise((done) => {
    let read = 0;
    const timer = setTimeout(done, drainMs);
    const end = () => {
      clearTimeout(timer);
      done();
    };
    raw.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read > drainBytes) end();
    });
    raw.once('end', end).once('close', end).once('error', end);
    raw.resume();
    if (raw.readableEnded) end();
  });
}
