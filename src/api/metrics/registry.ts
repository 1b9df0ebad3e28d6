import { Counter, Gauge, Registry } from 'prom-client';
import type { ApiDeps } from '../deps.ts';
import { renderHistogram } from './histogram.ts';

export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
}

type MetricInputs = Pick<ApiDeps, 'metrics' | 'queues' | 'upstreams' | 'workers'>;

/**
 * The numbers Prometheus asks for, looked up when it asks. They come from PostgreSQL and Redis, so every API process
 * gives the same ones and a restart loses none. A source that does not answer leaves its numbers out.
 */
export function createMetrics(sources: MetricInputs, onError: (error: unknown) => void): Metrics {
  const registry = new Registry();
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
    help: 'Requests the fleet sent to an upstream in the last minute',
    labelNames: ['upstream'],
    read: async ({ upstreams }) => (await upstreams.list()).map((one) => [{ upstream: one.name }, one.usedLastMinute]),
  },
  {
    name: 'drover_upstream_requests_total',
    help: 'Requests the fleet sent to an upstream since Redis was new, by status or error code',
    labelNames: ['upstream', 'endpoint', 'status'],
    read: async ({ metrics }) =>
      (await metrics.upstreamRequests()).map(({ count, ...labels }) => [labels, count] as const),
  },
  {
    name: 'drover_upstream_limit_rps',
    help: 'Requests a second the fleet may send now',
    labelNames: ['upstream'],
    read: async ({ upstreams }) =>
      (await upstreams.list()).flatMap(({ name, effectiveRps }) =>
        effectiveRps === null ? [] : [[{ upstream: name }, effectiveRps] as const],
      ),
  },
  {
    name: 'drover_upstream_breaker_open',
    help: '1 while nobody may call the upstream because too many requests failed',
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
    name: 'drover_workers',
    help: 'Worker processes heard of lately',
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
