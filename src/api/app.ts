import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { LogController } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { maskRun } from '../engine/masking/mask.ts';
import { createReadsFor, type ReadsFor, requireAccess } from './auth/access.ts';
import { type AuthDeps, authenticateRequests, createSessions, createSignInFailures } from './auth/authenticate.ts';
import { createKeyCache, type KeyCache } from './auth/keys.ts';
import { createRateLimits } from './auth/rate-limits.ts';
import { serveBoard } from './board.ts';
import { handleIdempotencyKeys } from './idempotency.ts';
import { acceptJsonOnly, refuseMalformedUrls } from './json-body.ts';
import { createMetrics, healthRoutes, metricsRoutes } from './monitoring.ts';
import { handleError, handleUnknownRoutes } from './problems.ts';
import { adminBookingRoutes } from './routes/admin-bookings.ts';
import { adminUserRoutes } from './routes/admin-users.ts';
import { auditRoutes } from './routes/audit.ts';
import { bookingRoutes } from './routes/bookings.ts';
import { bookingMonitoringRoutes } from './routes/bookings-monitoring.ts';
import { cutoverRoutes } from './routes/cutovers.ts';
import { queueRoutes, upstreamRoutes, workerRoutes } from './routes/fleet.ts';
import { keyRoutes } from './routes/keys.ts';
import { planRoutes } from './routes/plans.ts';
import { failureRoutes, recordRoutes } from './routes/records.ts';
import { reportRoutes } from './routes/reports.ts';
import { retentionRoutes } from './routes/retention.ts';
import { createEventStreams, createRunEvents, type RunEventDeps, runEventRoutes } from './routes/run-events.ts';
import { runActionRoutes, runRoutes } from './routes/runs.ts';
import { serveSignIn, sessionRoutes } from './routes/session.ts';
import { repairRoutes, validationRoutes } from './routes/validation.ts';
import { receiveWebhooks, webhookRoutes } from './routes/webhooks.ts';
import { createRunReader, type RunReader } from './run-view.ts';
import type { Api, ApiDeps } from './types.ts';

/** The whole HTTP server, ready to listen. Hooks run in this order: request log, headers, authentication, the rest. */
export async function buildApp(deps: ApiDeps): Promise<Api> {
  const app = createFastify(deps);
  const onError = (error: unknown): void => deps.logger.warn({ err: error }, 'background work of a request failed');
  const keys = createKeyCache(deps.keys, onError);
  const sessions = createSessions(deps.endedSessions);

  logRequests(app);
  await app.register(cookie, { secret: deps.config.sessionSecret ?? randomBytes(32).toString('base64url') });
  await setSecurityHeaders(app);
  refuseMalformedUrls(app);
  requireAccess(app);
  handleUnknownRoutes(app);
  const limits = createRateLimits(deps.config.rateLimit);
  const failures = createSignInFailures();
  const auth: AuthDeps = { keys, sessions, limits, failures };
  authenticateRequests(app, auth);
  handleIdempotencyKeys(app, deps.idempotency);

  await serveOpenApi(app, deps.version);
  await serveSignIn(app, auth);
  await serveBoard(app, deps);
  healthRoutes(app, deps);
  metricsRoutes(app, { metrics: createMetrics({ ...deps, failures }, onError), open: deps.config.metricsOpen });

  const { control } = deps;
  const runs = createRunReader(control);
  const routes = {
    ...{ ...deps, runs, cache: keys, auth, limits, streams: createEventStreams(auth) },
    readsFor: createReadsFor(control),
    events: createRunEvents(runs),
    maskedEvents: createRunEvents({ ...runs, read: async (id) => maskRun(await runs.read(id)) }),
  };
  await app.register(async (scope) => apiRoutes(scope as unknown as Api, routes), { prefix: '/api/v1' });
  // The address that the applications' own endpoint had.
  await app.register(async (scope) => receiveWebhooks(scope as unknown as Api, routes, true), { prefix: '/api' });
  await app.register(async (scope) => adminRoutes(scope as unknown as Api, routes), { prefix: '/api/admin' });
  return app;
}

function createFastify(deps: ApiDeps): Api {
  const trusted = deps.config.trustProxy;
  const app = Fastify({
    loggerInstance: deps.logger,
    // Fastify's own lines contain the URL, which may contain a source id; see logRequests.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: typeof trusted === 'number' ? (_address, hop) => hop < trusted : trusted,
    bodyLimit: 1_048_576,
    requestTimeout: 30_000,
    // Idle keep-alive connections must not delay a shutdown.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    genReqId: requestIdGenerator(),
    // Errors before routing, such as a malformed percent-encoding, which would otherwise be answered in Fastify's own form.
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(handleError);
  acceptJsonOnly(app as unknown as Api);
  return app as unknown as Api;
}

/** Request ids that are unique across processes; the random prefix is read once, not for each request. */
function requestIdGenerator(): () => string {
  const prefix = randomBytes(6).toString('hex');
  let n = 0;
  return () => {
    n += 1;
    return `${prefix}-${n.toString(36)}`;
  };
}

export type RouteDeps = ApiDeps &
  Pick<AuthDeps, 'limits'> &
  RunEventDeps & {
    readonly runs: RunReader;
    readonly readsFor: ReadsFor;
    readonly cache: KeyCache;
    readonly auth: AuthDeps;
  };

/** Every route under /api/v1. */
function apiRoutes(app: Api, deps: RouteDeps): void {
  planRoutes(app, deps);
  runRoutes(app, deps);
  runActionRoutes(app, deps);
  runEventRoutes(app, deps);
  recordRoutes(app, deps);
  failureRoutes(app, deps);
  validationRoutes(app, deps);
  repairRoutes(app, deps);
  reportRoutes(app, deps);
  cutoverRoutes(app, deps);
  bookingRoutes(app, deps);
  bookingMonitoringRoutes(app, deps);
  retentionRoutes(app, deps);
  queueRoutes(app, deps);
  workerRoutes(app, deps);
  upstreamRoutes(app, deps);
  keyRoutes(app, deps);
  webhookRoutes(app, deps);
  auditRoutes(app, deps);
  sessionRoutes(app, { ...deps.auth, streams: deps.streams });
}

/** Every route under /api/admin: what the applications call. */
function adminRoutes(app: Api, deps: RouteDeps): void {
  adminBookingRoutes(app, deps);
  adminUserRoutes(app, deps);
}

/** Writes one line per request, with the route's pattern instead of the URL, which may contain a source id. */
function logRequests(app: Api): void {
  app.addHook('onResponse', async (request, reply) => {
    const level = reply.statusCode >= 500 ? 'warn' : 'debug';
    request.log[level](
      {
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: request.actor?.id,
      },
      'request',
    );
  });
}

/** Security headers for browsers (content security policy, referrer policy), the request id, and no caching of API answers. */
async function setSecurityHeaders(app: Api): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        // The board and the docs page set inline styles; inline scripts stay forbidden.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // Answers show momentary state, and some contain keys.
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
}

const apiDescription = `Migrates a business into its own PostgreSQL and Stripe, and proves that no record was lost.

Send \`authorization: Bearer <key>\`; every operation states the role it needs (\`x-role\`): viewer, operator or admin.
Errors are problem details (RFC 9457) with a stable \`code\` and a \`remedy\`. Lists have cursors. A POST with an
\`Idempotency-Key\` may be repeated and is carried out once.`;

/** The OpenAPI document, made from the schemas that check requests and answers, and a page to browse it. */
async function serveOpenApi(app: Api, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Drover', version, description: apiDescription, license: { name: 'MIT', identifier: 'MIT' } },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key, `id.secret`' },
          session: { type: 'apiKey', in: 'cookie', name: 'drover_session' },
        },
      },
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document);
      const access = document.route.config?.access ?? 'open';
      const security = access === 'open' ? [] : [{ key: [] }, { session: [] }];
      return { schema: { ...(schema as object), security, 'x-role': access }, url };
    },
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (scope) => {
    scope.decorate('accessOf', () => 'open' as const);
    await scope.register(swaggerUi, { routePrefix: '/docs', uiConfig: { persistAuthorization: false } });
  });
  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, async () => app.swagger());
}
