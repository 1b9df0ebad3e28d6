import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import Fastify, { LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { maskRun } from '../engine/privacy/views.ts';
import { requireAccess } from './auth/access.ts';
import { authenticateRequests } from './auth/authenticate.ts';
import { createKeyCache } from './auth/key-cache.ts';
import { createRateLimits } from './auth/rate-limits.ts';
import { createReadsFor } from './auth/reads.ts';
import { createSessions } from './auth/session.ts';
import { serveSignIn } from './auth/sign-in.ts';
import { serveBoard } from './board/board.ts';
import type { ApiDeps } from './deps.ts';
import { handleIdempotencyKeys } from './idempotency.ts';
import { logRequests } from './log-requests.ts';
import { createMetrics } from './metrics/registry.ts';
import { serveOpenApi } from './openapi.ts';
import { handleError } from './problems/error-handler.ts';
import { handleUnknownRoutes } from './problems/not-found.ts';
import { healthRoutes } from './routes/health.ts';
import { apiRoutes } from './routes/index.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { createRunEvents } from './runs/run-events.ts';
import { createRunReader } from './runs/run-reader.ts';
import { setSecurityHeaders } from './security-headers.ts';
import type { Api } from './types.ts';

/** The whole HTTP side, ready to listen. The order is that of the hooks: names, headers, doorkeeper, then the rest. */
export async function buildApp(deps: ApiDeps): Promise<Api> {
  const app = createFastify(deps);
  const onError = (error: unknown): void => deps.logger.warn({ err: error }, 'something around a request failed');
  const keys = createKeyCache(deps.keys, onError);
  const sessions = createSessions(deps.config.sessionSecret ?? randomBytes(32).toString('base64url'));

  logRequests(app);
  await app.register(cookie);
  await setSecurityHeaders(app);
  requireAccess(app);
  handleUnknownRoutes(app);
  const limits = createRateLimits(deps.config.rateLimit);
  authenticateRequests(app, { keys, sessions, limits });
  handleIdempotencyKeys(app, deps.idempotency);

  await serveOpenApi(app, deps.version);
  await serveSignIn(app, { keys, sessions });
  await serveBoard(app, deps);
  healthRoutes(app, deps);
  metricsRoutes(app, { metrics: createMetrics(deps, onError), open: deps.config.metricsOpen });

  const { control } = deps;
  const runs = createRunReader(control);
  const routes = {
    ...{ ...deps, runs, cache: keys, sessions, limits },
    readsFor: createReadsFor(control),
    events: createRunEvents(runs),
    maskedEvents: createRunEvents({ ...runs, read: async (id) => maskRun(await runs.read(id)) }),
  };
  await app.register(async (scope) => apiRoutes(scope as unknown as Api, routes), { prefix: '/api/v1' });
  return app;
}

function createFastify(deps: ApiDeps): Api {
  const app = Fastify({
    loggerInstance: deps.logger,
    // Its own lines would name the address, which may hold a source id; see logRequests.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: deps.config.trustProxy,
    bodyLimit: 1_048_576,
    requestTimeout: 30_000,
    // Idle keep-alive connections must not hold up a shutdown.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    genReqId: requestIdGenerator(),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  acceptJsonOnly(app as unknown as Api);
  return app as unknown as Api;
}

/** Unique over processes, and made without asking the system for randomness each time. */
function requestIdGenerator(): () => string {
  const begin = randomBytes(6).toString('hex');
  let n = 0;
  return () => {
    n += 1;
    return `${begin}-${n.toString(36)}`;
  };
}

function acceptJsonOnly(app: Api): void {
  // Fastify takes plain text for a body too; nothing here does.
  app.removeContentTypeParser(['text/plain', 'application/json']);
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Many clients announce JSON and send nothing where no body is needed; where one is, its schema says so.
    if (body === '') done(null, undefined);
    else void parse(request, String(body), done);
  });
}
