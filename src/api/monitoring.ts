import { Counter, Gauge, Registry } from 'prom-client';
import { z } from 'zod';
import { withDeadline } from '../../queues/redis.ts';
import type { BookingsFigures } from '../payments/monitoring/monitoring.ts';
import type { AuthDeps } from './auth/authenticate.ts';
import { createTtlCache } from './ttl-cache.ts';
import type { Api, ApiDeps, HealthCheck, StageLatency, UpstreamRequests } from './types.ts';

const healthTags = ['health'];
const healthDeadlineMs = 2_000;

/** Liveness and readiness. Not rate-limited, no key needed. */
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

/** For Prometheus, which sends `authorization: Bearer <viewer key>` unless DROVER_METRICS_OPEN is true. */
export function metricsRoutes(app: Api, { metrics, open }: { metrics: Metrics; open: boolean }): void {
  const config = { access: open ? 'open' : 'viewer' } as const;
  app.get('/metrics', { config, logLevel: 'silent', schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
}

interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
}

type MetricSources = Pick<ApiDeps, 'metrics' | 'queues' | 'upstreams' | 'workers' | 'bookings'> &
  Pick<AuthDeps, 'failures'>;
type MetricInputs = Omit<MetricSources, 'bookings'> & { figures(): Promise<BookingsFigures> };

// They read whole tables: once a minute, and a scrape is answered with the older figures meanwhile.
const figuresOptions = { ttlMs: 60_000, staleMs: 600_000 };
const figuresDeadlineMs = 5_000;

/**
 * The metrics for Prometheus, read at each scrape. They come from PostgreSQL and Redis, so every API process returns the
 * same values and a restart loses none (except failed sign-ins, which each process counts for itself). Metrics of a source that does not answer are left out.
 */
export function createMetrics({ bookings, ...given }: MetricSources, onError: (error: unknown) => void): Metrics {
  const registry = new Registry();
  const figures = createTtlCache(figuresOptions, () => bookings.monitoring.figures());
  const sources: MetricInputs = { ...given, figures: () => withDeadline(figures.get(''), figuresDeadlineMs) };
  for (const { name, help, labelNames, read } of metricDefinitions) {
    const Kind = name.endsWith('_total') ? Counter : Gauge;
    const metric: Counter | Gauge = new Kind({
      ...{ name, help, labelNames: [...labelNames], registers: [registry] },
      async collect() {
        metric.reset();
        for (const [labels, value] of await read(sources).catch(logAndReturnEmpty(onError))) metric.inc(labels, value);
      },
    });
  }
  const latency = async (): Promise<string> => {
    const series = await sources.metrics.stageLatency().catch(logAndReturnEmpty(onError));
    return renderHistogram('drover_stage_duration_seconds', 'How long jobs of a stage took', series);
  };
  return {
    contentType: registry.contentType,
    render: async () => (await Promise.all([registry.metrics(), latency()])).join(''),
  };
}

type Sample = readonly [labels: Record<string, string>, value: number];

interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  read(sources: MetricInputs): Promise<readonly Sample[]>;
}

const metricDefinitions: readonly MetricDefinition[] = [
  {
    name: 'drover_records',
    help: 'Records of the runs of the last 30 days, by the stage they are in and their outcome',
    labelNames: ['plan', 'entity', 'stage', 'status'],
    read: async ({ metrics }) => (await metrics.records()).map(({ count, ...labels }) => [labels, count]),
  },
  {
    name: 'drover_runs',
    help: 'Runs of the last 30 days by status',
    labelNames: ['plan', 'status'],
    read: async ({ metrics }) => (await metrics.runs()).map(({ count, ...labels }) => [labels, count]),
  },
  {
    name: 'drover_queue_jobs',
    help: 'Jobs in the queues',
    labelNames: ['queue', 'state'],
    read: async ({ queues }) =>
      (await queues.list()).flatMap(({ name, counts }) =>
        Object.entries(counts ?? {}).map(([state, count]): Sample => [{ queue: name, state }, count]),
      ),
  },
  {
    name: 'drover_queue_paused',
    help: '1 while an operator has paused the queue',
    labelNames: ['queue'],
    read: async ({ queues }) => (await queues.list()).map(({ name, paused }) => [{ queue: name }, Number(paused)]),
  },
  {
    name: 'drover_upstream_requests_last_minute',
    help: 'Requests that all workers sent to an upstream in the last minute',
    labelNames: ['upstream'],
    read: async ({ upstreams }) => (await upstreams.list()).map((one) => [{ upstream: one.name }, one.usedLastMinute]),
  },
  {
    name: 'drover_upstream_requests_total',
    help: 'Requests that all workers sent to an upstream since Redis was last empty, by status or error code',
    labelNames: ['upstream', 'endpoint', 'status'],
    read: async ({ metrics }) =>
      (await metrics.upstreamRequests()).map(({ count, ...labels }) => [labels, count] as const),
  },
  {
    name: 'drover_upstream_limit_rps',
    help: 'Requests per second that all workers together may send now',
    labelNames: ['upstream'],
    read: async ({ upstreams }) =>
      (await upstreams.list()).flatMap(({ name, effectiveRps }) =>
        effectiveRps === null ? [] : [[{ upstream: name }, effectiveRps] as const],
      ),
  },
  {
    name: 'drover_upstream_breaker_open',
    help: '1 while no request is sent to the upstream because too many failed',
    labelNames: ['upstream'],
    read: async ({ upstreams }) =>
      (await upstreams.list()).map(({ name, breaker }) => [{ upstream: name }, Number(breaker === 'open')]),
  },
  {
    name: 'drover_inbox_events',
    help: 'Events of upstreams that are not settled',
    labelNames: ['provider', 'state'],
    read: async ({ metrics }) => (await metrics.inbox()).map(({ count, ...labels }) => [labels, count]),
  },
  {
    name: 'drover_bookings',
    help: 'Bookings by whether they have a user, and why not; counted at most once a minute',
    labelNames: ['schema', 'link'],
    read: async ({ figures }) =>
      (await figures()).progress.flatMap(({ targetSchema: schema, bookings, linked, unlinked }): readonly Sample[] => {
        if (bookings === null || linked === null) return [];
        const reasons = Object.entries(unlinked ?? { not_started: bookings - linked });
        return [['linked', linked] as const, ...reasons].map(([link, count]) => [{ schema, link }, count]);
      }),
  },
  {
    name: 'drover_booking_users',
    help: 'Users made of bookings, without those that were merged into another',
    labelNames: ['schema'],
    read: async ({ figures }) =>
      (await figures()).progress.map(({ targetSchema: schema, users }) => [{ schema }, users]),
  },
  {
    name: 'drover_booking_payments',
    help: 'Payments by status',
    labelNames: ['schema', 'status'],
    read: async ({ figures }) =>
      (await figures()).progress.flatMap(({ targetSchema: schema, paymentsByStatus }) =>
        Object.entries(paymentsByStatus).map(([status, count]): Sample => [{ schema, status }, count]),
      ),
  },
  {
    name: 'drover_booking_anomalies',
    help: 'Anomalies of GET /api/v1/bookings/anomalies by rule, counted to 10,000; of failed webhooks the schema is empty',
    labelNames: ['schema', 'rule'],
    read: async ({ figures }) => (await figures()).anomalies.map(({ count, ...labels }) => [labels, count]),
  },
  {
    name: 'drover_sign_in_failures_total',
    help: 'Requests with a wrong key to this API process since its start, by how the key was sent',
    labelNames: ['via'],
    read: async ({ failures }) => [...failures.read()].map(([via, count]) => [{ via }, count]),
  },
  {
    name: 'drover_workers',
    help: 'Worker processes with a recent heartbeat',
    labelNames: [],
    read: async ({ workers }) => [[{}, (await workers.list()).filter(({ alive }) => alive).length]],
  },
];

function logAndReturnEmpty(onError: (error: unknown) => void): (error: unknown) => readonly never[] {
  return (error) => {
    onError(error);
    return [];
  };
}

/**
 * A histogram in Prometheus's text format. prom-client only prints what its own process observed; these values were
 * observed by the workers.
 */
function renderHistogram(name: string, help: string, series: readonly StageLatency[]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { stage, buckets, sum, count } of series) {
    for (const bucket of buckets) lines.push(`${name}_bucket{stage="${stage}",le="${bucket.le}"} ${bucket.count}`);
    lines.push(`${name}_bucket{stage="${stage}",le="+Inf"} ${count}`);
    lines.push(`${name}_sum{stage="${stage}"} ${sum}`, `${name}_count{stage="${stage}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The part of a Redis client that these functions use. */
interface RedisHashes {
  hgetall(key: string): Promise<Record<string, string>>;
}

/**
 * Job durations that the workers measured, from one hash per stage, `<prefix>:latency:<stage>`: fields `le:<seconds>` count
 * the jobs that took at most that long and more than the bound below, `sum` is in seconds, `count` counts all. All workers
 * increment the same hash, so it includes workers that have ended.
 */
export async function readStageLatency(
  redis: RedisHashes,
  prefix: string,
  stages: readonly string[],
): Promise<StageLatency[]> {
  const series = await Promise.all(
    stages.map(async (stage) => toStageLatency(stage, await redis.hgetall(`${prefix}:latency:${stage}`))),
  );
  return series.filter(({ count }) => count > 0);
}

function toStageLatency(stage: string, fields: Record<string, string>): StageLatency {
  const bounds = Object.entries(fields)
    .filter(([name]) => name.startsWith('le:'))
    .map(([name, count]) => ({ le: Number(name.slice(3)), count: Number(count) }))
    // The last bucket of a histogram is `count`.
    .filter(({ le }) => Number.isFinite(le))
    .sort((a, b) => a.le - b.le);
  let below = 0;
  const buckets = bounds.map(({ le, count }) => {
    below += count;
    return { le, count: below };
  });
  return { stage, buckets, sum: Number(fields.sum ?? 0), count: Number(fields.count ?? 0) };
}

/** Requests that the workers counted, from the hash `<prefix>:upstream-requests`: fields are upstream, endpoint and status. */
export async function readUpstreamRequests(redis: RedisHashes, prefix: string): Promise<UpstreamRequests[]> {
  const fields = await redis.hgetall(`${prefix}:upstream-requests`);
  return Object.entries(fields).map(([field, count]) => {
    const [upstream = '', endpoint = '', status = ''] = field.split('\t');
    return { upstream, endpoint, status, count: Number(count) };
  });
}
