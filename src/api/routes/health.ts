import { z } from 'zod';
import { withDeadline } from '../../../queues/connection.ts';
import type { ApiDeps, HealthCheck } from '../deps.ts';
import type { Api } from '../types.ts';

const healthTags = ['health'];
const healthDeadlineMs = 2_000;

/** For whoever watches the process: is it alive, and is it of use. Never limited, never behind a key. */
export function healthRoutes(app: Api, { health }: Pick<ApiDeps, 'health'>): void {
  const config = { access: 'open', limit: 'off' } as const;
  app.get('/healthz', { config, logLevel: 'silent', schema: aliveSchema }, async () => ({ status: 'alive' as const }));

  app.get('/readyz', { config, logLevel: 'silent', schema: readySchema }, async (_request, reply) => {
    const checks = Object.fromEntries(await Promise.all(health.map(runHealthCheck)));
    const ready = Object.values(checks).every((answer) => answer === 'ok');
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks });
  });
}

async function runHealthCheck({ name, check }: HealthCheck): Promise<readonly [string, 'ok' | 'unreachable']> {
  const answered = await withDeadline(check(), healthDeadlineMs).then(
    () => true,
    () => false,
  );
  return [name, answered ? 'ok' : 'unreachable'];
}

const aliveSchema = {
  tags: healthTags,
  operationId: 'getHealth',
  summary: 'The process is alive',
  response: { 200: z.object({ status: z.literal('alive') }) },
};

const readinessSchema = z.object({
  status: z.enum(['ready', 'not ready']),
  checks: z.record(z.string(), z.enum(['ok', 'unreachable'])),
});

const readySchema = {
  tags: healthTags,
  operationId: 'getReadiness',
  summary: 'PostgreSQL and Redis answer; 503 names the one that does not',
  response: { 200: readinessSchema, 503: readinessSchema },
};
