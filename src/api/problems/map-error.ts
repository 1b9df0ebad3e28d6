import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { DroverError } from '../../errors.ts';
import { HttpProblem, makeProblem, type Problem } from './problem.ts';

/** What a client is told of an error. Whatever is not known to be harmless becomes a 500 that says nothing. */
export function mapError(error: unknown): { problem: Problem; headers: Readonly<Record<string, string>> } {
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
  // The provider sends it again until somebody has set it up.
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
  // What PostgreSQL says of itself may name hosts and roles.
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

/** Fastify's own refusals, in our words: theirs name internals and no remedy. */
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
  // Fastify's texts are fixed; what others throw, the JSON parser above all, quotes the request.
  const detail = error.code?.startsWith('FST_') ? String(error.message) : 'The request cannot be read.';
  return makeProblem({ status, code: 'BAD_REQUEST', detail, remedy: docsHint });
}
