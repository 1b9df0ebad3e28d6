import type { Metrics } from '../metrics/registry.ts';
import type { Api } from '../types.ts';

/** For Prometheus, which sends `authorization: Bearer <viewer key>` unless DROVER_METRICS_OPEN is true. */
export function metricsRoutes(app: Api, { metrics, open }: { metrics: Metrics; open: boolean }): void {
  const config = { access: open ? 'open' : 'viewer' } as const;
  app.get('/metrics', { config, logLevel: 'silent', schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
}
