import { z } from 'zod';
import type { QueueView, UpstreamView } from '../../contract/fleet.ts';
import { actorOf } from '../auth/access.ts';
import type { Api, ApiDeps } from '../types.ts';
import { count, idempotencyHeader, idSchema, reasonBody, reasonSchema, responses, text } from './common.ts';

const queueSchema = z
  .object({
    name: text,
    paused: z.boolean(),
    pausedBy: text.nullable(),
    pausedAt: text.nullable(),
    reason: text.nullable(),
    counts: z.record(text, count).readonly().nullable().describe('Jobs by state; null when Redis does not answer'),
  })
  .meta({ id: 'Queue' }) satisfies z.ZodType<QueueView>;

const usageFields = { usedLastSecond: count, usedLastMinute: count.describe('Estimated from whole minutes') };

const endpointSchema = z
  .object({ name: text, effectiveRps: z.number(), blockedUntil: text.nullable(), ...usageFields })
  .meta({ id: 'UpstreamEndpoint' });

const upstreamSchema = z
  .object({
    name: text,
    maxRps: z.number().nullable().describe('Requests per second of all workers together'),
    configuredRps: z.number().nullable(),
    effectiveRps: z
      .number()
      .nullable()
      .describe('Current limit, reduced after 429 answers; null before the first request'),
    setBy: text.nullable(),
    setAt: text.nullable(),
    reason: text.nullable(),
    breaker: z.enum(['closed', 'half-open', 'open']).nullable(),
    breakerOpenUntil: text.nullable(),
    blockedUntil: text.nullable(),
    failuresInARow: count,
    ...usageFields,
    endpoints: z.array(endpointSchema).readonly(),
  })
  .meta({ id: 'Upstream' }) satisfies z.ZodType<UpstreamView>;

const workerSchema = z
  .object({
    id: text,
    host: text,
    pid: z.int(),
    queues: z.array(text).readonly(),
    concurrency: count,
    rssMb: count,
    loopLagMs: count,
    done: count.describe('Records processed since its start'),
    peakRssMb: count,
    cpuMs: count.describe('Processor time since its start, threads included'),
    cpuPercent: count.describe('Of one core, over the last heartbeats'),
    traffic: z
      .record(text, z.object({ requests: count, failed: count, sentBytes: count, receivedBytes: count }))
      .readonly()
      .describe('Requests to each upstream since its start; bytes on the wire, headers included'),
    startedAt: text,
    seenAt: text,
    alive: z.boolean().describe('Had a heartbeat in the last 15 s'),
  })
  .meta({ id: 'Worker' });

const queueTags = ['queues'];

/** The queues of the stages, and pausing one for all runs. */
export function queueRoutes(app: Api, { queues }: Pick<ApiDeps, 'queues'>): void {
  app.get('/queues', { config: { access: 'viewer' }, schema: listQueuesSchema }, async () => ({
    items: await queues.list(),
  }));

  for (const { name, summary } of queueActions) {
    app.post(
      `/queues/:name/${name}`,
      { config: { access: 'operator' }, schema: queueActionSchema(name, summary) },
      (request) => queues[name](request.params.name, request.body.reason, actorOf(request)),
    );
  }
}

const queueActions = [
  { name: 'pause', summary: 'Pause a queue on every worker' },
  { name: 'resume', summary: 'Resume a paused queue' },
] as const;

const listQueuesSchema = {
  tags: queueTags,
  operationId: 'listQueues',
  summary: 'Queues with their depth and who paused them',
  response: responses({ 200: z.object({ items: z.array(queueSchema).readonly() }) }),
};

const queueActionSchema = (name: string, summary: string) => ({
  tags: queueTags,
  operationId: `${name}Queue`,
  summary,
  headers: idempotencyHeader,
  params: z.strictObject({ name: idSchema }),
  body: reasonBody,
  response: responses({ 200: queueSchema }),
});

/** Worker processes, by their heartbeats. */
export function workerRoutes(app: Api, { workers }: Pick<ApiDeps, 'workers'>): void {
  app.get('/workers', { config: { access: 'viewer' }, schema: listWorkersSchema }, async () => {
    const rows = await workers.list();
    return {
      items: rows.map((row) => ({
        ...row,
        startedAt: row.startedAt.toISOString(),
        seenAt: row.seenAt.toISOString(),
      })),
    };
  });
}

const listWorkersSchema = {
  tags: ['workers'],
  operationId: 'listWorkers',
  summary: 'Worker processes, their queues and their state',
  response: responses({ 200: z.object({ items: z.array(workerSchema).readonly() }) }),
};

const upstreamTags = ['upstreams'];

/** External APIs: their rate limits and their state. */
export function upstreamRoutes(app: Api, { upstreams }: Pick<ApiDeps, 'upstreams'>): void {
  app.get('/upstreams', { config: { access: 'viewer' }, schema: listUpstreamsSchema }, async () => ({
    items: await upstreams.list(),
  }));

  app.patch('/upstreams/:name', { config: { access: 'operator' }, schema: changeUpstreamSchema }, (request) => {
    const { maxRps, reason } = request.body;
    return upstreams.setLimit(request.params.name, maxRps, reason, actorOf(request));
  });
}

const listUpstreamsSchema = {
  tags: upstreamTags,
  operationId: 'listUpstreams',
  summary: 'Upstreams with their limits, breakers and requests',
  response: responses({ 200: z.object({ items: z.array(upstreamSchema).readonly() }) }),
};

const changeUpstreamSchema = {
  tags: upstreamTags,
  operationId: 'changeUpstream',
  summary: 'Set the requests per second of all workers together',
  params: z.strictObject({ name: idSchema }),
  body: z.strictObject({ maxRps: z.int().min(1).max(10_000), reason: reasonSchema }),
  response: responses({ 200: upstreamSchema }),
};
