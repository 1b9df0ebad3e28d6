import { z } from 'zod';
import type { PlanView, QueueView, UpstreamView } from '../deps.ts';

const text = z.string();
const count = z.int().min(0);

export const planSchema = z
  .object({
    name: text,
    version: text,
    title: text,
    description: text,
    entities: z
      .array(z.object({ name: text, title: text, dependsOn: z.array(text).readonly() }))
      .readonly()
      .describe('Parents before children'),
    steps: z.record(text, z.array(text).readonly()).readonly(),
    rules: z
      .array(z.object({ name: text, entity: text, severity: z.enum(['error', 'warning']), description: text }))
      .readonly(),
    upstreams: z.array(text).readonly(),
    params: z.record(text, z.unknown()).readonly().describe('JSON Schema of the parameters a run may carry'),
    settings: z
      .array(
        z.object({
          name: text,
          set: z.boolean(),
          problem: text.nullable().describe('What is wrong with it'),
          description: text,
        }),
      )
      .readonly()
      .describe('Variables of the environment that the plan reads; never what they hold'),
  })
  .meta({ id: 'Plan' }) satisfies z.ZodType<PlanView>;

export const queueSchema = z
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

export const upstreamSchema = z
  .object({
    name: text,
    maxRps: z.number().nullable().describe('Requests a second for the whole fleet'),
    configuredRps: z.number().nullable(),
    effectiveRps: z.number().nullable().describe('In force after 429s have shrunk it; null before the first request'),
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

export const workerSchema = z
  .object({
    id: text,
    host: text,
    pid: z.int(),
    queues: z.array(text).readonly(),
    concurrency: count,
    rssMb: count,
    loopLagMs: count,
    done: count.describe('Records moved since it began'),
    peakRssMb: count,
    cpuMs: count.describe('Processor time since it began, threads included'),
    cpuPercent: count.describe('Of one core, over the last heartbeats'),
    traffic: z
      .record(text, z.object({ requests: count, failed: count, sentBytes: count, receivedBytes: count }))
      .readonly()
      .describe('What it asked of each upstream since it began; bytes as they travelled, headers included'),
    startedAt: text,
    seenAt: text,
    alive: z.boolean().describe('Heard of within the last 15 s'),
  })
  .meta({ id: 'Worker' });
