import type { FastifyError, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { DroverError } from '../errors.ts';
import type { Api } from './types.ts';

/** Problem details (RFC 9457) with a stable code, a remedy, and every wrong field at once. */
export const problemSchema = z
  .object({
    type: z.string().describe('A name of the kind of problem, `urn:drover:problem:<code>`'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable; programs decide by this'),
    remedy: z.string().describe('What to do about it'),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

type Problem = z.output<typeof problemSchema>;

/** A refusal of the HTTP layer itself; the engine throws DroverError. */
export class HttpProblem extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: Pick<Problem, 'status' | 'code' | 'detail' | 'remedy' | 'errors'>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.detail);
    this.name = 'HttpProblem';
    this.problem = makeProblem(problem);
    this.headers = headers;
  }
}

const titles: Record<number, string> = {
  400: 'The request is wrong',
  401: 'A key is needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Wrong method',
  406: 'Not available in this form',
  409: 'Not possible now',
  413: 'Too large',
  415: 'Wrong content type',
  422: 'The request cannot be carried out',
  429: 'Too many requests',
  500: 'Something unexpected happened',
  503: 'Not available at the moment',
};

function makeProblem(problem: Pick<Problem, 'status' | 'code' | 'detail' | 'remedy' | 'errors'>): Problem {
  const type = `urn:drover:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`;
  return { type, title: titles[problem.status] ?? 'The request failed', ...problem };
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

// How much of an oversized body is read and dropped, so that the client receives the answer before the connection closes.
const drainBytes = 64 * 1_048_576;
const drainMs = 10_000;

/** Answers every error as a problem. Faults of the service (5xx) are logged; faults of the client (4xx) are not. */
export async function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if ((error as Partial<FastifyError>)?.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return sendBodyTooLarge(request, reply);
  const { problem, headers } = mapError(error);
  if (problem.status >= 500) request.log.error({ err: error, route: request.routeOptions.url }, problem.code);
  return sendProblem(reply.headers(headers), problem);
}

async function sendBodyTooLarge(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  // Node closes the connection after the answer; with unread bytes in it the client would see a reset instead of the answer.
  await drainBody(request);
  return sendProblem(
    reply,
    makeProblem({
      status: 413,
      code: 'BODY_TOO_LARGE',
      detail: `The body is larger than ${formatBytes(request.routeOptions.bodyLimit)}, the limit of this address.`,
      remedy: 'Send several smaller requests.',
    }),
  );
}

function formatBytes(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MB` : `${Math.floor(bytes / 1_024)} KB`;
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

/** The problem for an error. An error that is not known to be safe to show becomes a 500 without details. */
function mapError(error: unknown): { problem: Problem; headers: Readonly<Record<string, string>> } {
  if (error instanceof HttpProblem) return { problem: error.problem, headers: error.headers };
  if (error instanceof DroverError) return fromDroverError(error);
  const problem = fromValidation(error) ?? fromFastify(error as Partial<FastifyError>) ?? internalProblem;
  return { problem, headers: {} };
}

const internalProblem = makeProblem({
  status: 500,
  code: 'INTERNAL',
  detail: 'An unexpected fault. What happened is in the log of the service, under the id in the x-request-id header.',
  remedy: 'Try again; if it stays, look into the log.',
});

/** Codes whose status does not follow from their class. */
const statusOfCode: Readonly<Record<string, number>> = {
  NOT_FOUND: 404,
  BAD_REQUEST: 422,
  NOT_ALLOWED_NOW: 409,
  CUTOVER_REFUSED: 409,
  PLAN_VERSION: 409,
  PAYLOADS_PURGED: 409,
  WEBHOOK_SIGNATURE: 400,
  WEBHOOK_EVENT: 400,
  WEBHOOK_NOT_KEPT: 409,
  // The provider repeats the event until the secret is configured.
  WEBHOOK_NOT_CONFIGURED: 503,
  DATABASE_CONFLICT: 503,
  INTERNAL: 500,
};

const statusOfClass: Readonly<Record<DroverError['class'], number>> = {
  transient: 503,
  throttled: 503,
  data: 422,
  configuration: 422,
  critical: 422,
};

function fromDroverError(error: DroverError): ReturnType<typeof mapError> {
  const status = statusOfCode[error.code] ?? statusOfClass[error.class];
  if (status === 500) return { problem: internalProblem, headers: {} };
  const { code, remedy } = error;
  // Messages of PostgreSQL may name hosts and roles.
  const detail = code === 'DATABASE_UNAVAILABLE' ? 'PostgreSQL cannot be reached.' : error.message;
  const errors = errorsOf(error);
  const retryAfter = String(Math.max(1, Math.ceil((error.retryAfterMs ?? 1_000) / 1_000)));
  return {
    problem: makeProblem({ status, code, detail, remedy, ...errors }),
    headers: status === 503 ? { 'retry-after': retryAfter } : {},
  };
}

function errorsOf(error: DroverError): Pick<Problem, 'errors'> {
  if (error.reasons.length > 0) return { errors: error.reasons.map((message) => ({ path: 'reason', message })) };
  return error.field === undefined ? {} : { errors: [{ path: error.field, message: error.message }] };
}

const requestParts: Readonly<Record<string, string>> = { querystring: 'query', params: 'path' };

function fromValidation(error: unknown): Problem | undefined {
  if (!hasZodFastifySchemaValidationErrors(error)) return undefined;
  const context = (error as { validationContext?: string }).validationContext ?? 'body';
  const place = requestParts[context] ?? context;
  const errors = error.validation.map((issue) => ({
    path: [place, ...issue.instancePath.split('/').filter(Boolean)].join('.'),
    message: issue.message ?? 'wrong',
  }));
  return makeProblem({
    status: 400,
    code: 'BAD_REQUEST',
    detail: `${errors.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
    remedy: 'Correct the fields named in `errors`; /docs describes every request.',
    errors,
  });
}

const docsHint = '/docs describes every request.';

/** Refusals of Fastify, reworded: its own texts name internals and no remedy. */
const fastifyProblems: Readonly<Record<string, Pick<Problem, 'status' | 'code' | 'detail' | 'remedy'>>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'CONTENT_TYPE',
    detail: 'The body is not JSON.',
    remedy: 'Send JSON with the header `content-type: application/json`.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    status: 400,
    code: 'BAD_REQUEST',
    detail: 'The body is not valid JSON.',
    remedy: `Send one JSON object. ${docsHint}`,
  },
  FST_ERR_BAD_URL: {
    status: 400,
    code: 'BAD_REQUEST',
    detail: 'The address is not percent-encoded UTF-8.',
    remedy: `Encode it as UTF-8. ${docsHint}`,
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'BAD_REQUEST',
    detail: 'The body is not as long as its content-length header says.',
    remedy: 'Send the whole body.',
  },
};

function fromFastify(error: Partial<FastifyError>): Problem | undefined {
  const known = fastifyProblems[error?.code ?? ''];
  if (known) return makeProblem(known);
  const status = error?.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  // Fastify's texts are fixed; those of others, above all of the JSON parser, quote the request.
  const detail = error.code?.startsWith('FST_') ? String(error.message) : 'The request cannot be read.';
  return makeProblem({ status, code: 'BAD_REQUEST', detail, remedy: docsHint });
}

/** Answers unknown addresses with 404, and known ones under another method with 405 and the methods they accept. */
export function handleUnknownRoutes(app: Api): void {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = [];
  app.addHook('onRoute', (route) => {
    routes.push({ pattern: patternOf(route.url), methods: methodsOf(route) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    // Browsers that open the root are redirected to the documentation; programs get the 404 of any unknown address.
    if (request.method === 'GET' && path === '/' && String(request.headers.accept).includes('text/html'))
      return reply.redirect('/docs', 302);
    const allowed = new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods));
    return allowed.size > 0
      ? sendMethodNotAllowed(request, reply, [...allowed].sort())
      : sendNotFound(request, reply, path);
  });
}

function sendMethodNotAllowed(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  const problem = makeProblem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    detail: `This address does not accept ${request.method}.`,
    remedy: `It accepts ${allowed.join(', ')}.`,
  });
  return sendProblem(reply.header('allow', allowed.join(', ')), problem);
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply {
  const problem = makeProblem({
    status: 404,
    code: 'NOT_FOUND',
    detail: `There is no ${request.method} ${path.slice(0, 200)}.`,
    remedy: '/docs lists every address.',
  });
  return sendProblem(reply, problem);
}

// A wildcard (files of the board and of the docs) would match every address below it, so it matches nothing here.
function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*$/, '(?!)');
  return new RegExp(`^${escaped.replace(/:\w+/g, '[^/]+')}/?$`);
}

function methodsOf(route: RouteOptions): string[] {
  return [route.method].flat();
}
