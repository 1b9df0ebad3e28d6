import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { StatisticsCheck } from '../../src/contract/bookings.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { RunView } from '../../src/contract/runs.ts';
import { type BookingsSandbox, makeBookings } from '../../src/sandbox/bookings/sandbox.ts';
import { stripeApiVersion } from '../../src/upstreams/stripe/objects.ts';
import { type DemoService, startService } from '../demo/service.ts';
import { measureAcceptance, measureStorm, percentile } from './bookings-webhooks.ts';

export interface BookingsBenchOptions {
  readonly rows: number;
  /** Of the storm. */
  readonly events: number;
}

const schema = 'bench_bookings';
const secret = 'whsec_bench';
const writesPerSecond = 50;
const aloneMs = 10_000;
const batchSize = 500;

/** Measures plan, link, webhooks and statistics on a table of bookings; prints each as it comes. */
export async function measureBookings(
  stores: { databaseUrl: string; redisUrl: string },
  { rows, events }: BookingsBenchOptions,
) {
  const { databaseUrl } = stores;
  const sandbox = await makeBookings({ databaseUrl, schema }, { rows });
  const service = await startService(stores, 2, {
    ...{ SOURCE_DATABASE_URL: databaseUrl, STRIPE_WEBHOOK_SECRET: secret },
    ...{ DROVER_RATE_LIMIT: '1000000' },
  });
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bench' });
  await client.connect();
  const figures: Record<string, unknown> = { rows, people: sandbox.manifest.users };
  const add = (name: string, value: unknown): void => {
    figures[name] = value;
    console.log(`${name}: ${JSON.stringify(value)}`);
  };
  try {
    add('plan', await measurePlan(service, sandbox));
    add('link', await measureLink(service, client, sandbox, databaseUrl));
    const bench = { service, client, schema, secret, apiVersion: stripeApiVersion };
    add('webhooks', await measureAcceptance(bench, 200, 20));
    add('storm', await measureStorm(bench, events));
    add('statistics', await measureCheck(service));
    return figures;
  } finally {
    await client.end();
    await service.children.stop();
  }
}

async function measurePlan({ api }: DemoService, { manifest }: BookingsSandbox) {
  const params = { table: `${schema}.bookings`, currency: 'PHP' };
  const began = performance.now();
  const begun = await api.request<RunView>('POST', '/runs', {
    body: { plan: 'bookings', targetSchema: schema, params, batchSize },
  });
  for (;;) {
    const run = await api.get<RunView>(`/runs/${begun.id}`);
    if (finishedStatuses.includes(run.status)) {
      const ms = performance.now() - began;
      const { users, payments } = run.entities;
      return {
        ...{ batchSize, status: run.status, reason: run.reason, seconds: Math.round(ms / 100) / 10 },
        rowsPerSecond: Math.round((manifest.rows * 1_000) / ms),
        isRight: users?.reconciled === manifest.users && payments?.reconciled === manifest.payments.count,
      };
    }
    await sleep(500);
  }
}

async function measureLink({ api }: DemoService, client: pg.Client, sandbox: BookingsSandbox, databaseUrl: string) {
  const alone = await sandbox.write(writesPerSecond);
  await sleep(aloneMs);
  await alone.stop();
  const writer = await sandbox.write(writesPerSecond);
  const sampler = await startSampler(databaseUrl);
  const began = performance.now();
  await api.request('POST', '/bookings/link', { body: { targetSchema: schema, reason: 'bench' } });
  const ended: Record<string, number> = {};
  for (let state = 'filling'; state !== 'done'; await sleep(20)) {
    const { rows } = await client.query<{ state: string }>(`SELECT state FROM ${schema}.booking_link`);
    const now = rows[0]?.state ?? state;
    if (now !== state) ended[state] = performance.now() - began;
    state = now;
  }
  const whole = performance.now() - began;
  await writer.stop();
  const waits = await sampler.stop();
  const { rows } = await client.query<{ n: number; passed: number }>(
    `SELECT (SELECT count(*)::int FROM ${sandbox.table} WHERE user_id IS NOT NULL) AS n, passed::int FROM ${schema}.booking_link`,
  );
  const fillMs = ended.filling ?? whole;
  return {
    ...{ linked: rows[0]?.n, fillSeconds: Math.round(fillMs / 100) / 10, wholeSeconds: Math.round(whole / 100) / 10 },
    rowsPerSecond: Math.round(((rows[0]?.passed ?? 0) * 1_000) / fillMs),
    ...waits,
    writer: {
      aloneP99Ms: percentile(alone.took, 0.99),
      besideP99Ms: percentile(writer.took, 0.99),
      besideMaxMs: percentile(writer.took, 1),
    },
  };
}

const sampleMs = 10;

/** Looks every ten milliseconds at what runs and waits: figures are short by as much. */
async function startSampler(databaseUrl: string) {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bench sampler' });
  await client.connect();
  const longest: Record<string, number> = { batch: 0, concurrently: 0, validate: 0 };
  let lockWait = 0;
  let stopping = false;
  const work = (async () => {
    while (!stopping) {
      const { rows } = await client.query<{ kind: string; ms: number }>(
        `SELECT CASE WHEN query ILIKE '%CONCURRENTLY%' OR query ILIKE 'ANALYZE%' THEN 'concurrently' WHEN query ILIKE '%VALIDATE CONSTRAINT%' THEN 'validate'
           ELSE 'batch' END AS kind, (extract(epoch FROM clock_timestamp() - query_start) * 1000)::float8 AS ms FROM pg_stat_activity
         WHERE state = 'active' AND datname = current_database() AND (query ILIKE '%bookings%') AND pid <> pg_backend_pid()
         UNION ALL SELECT 'lock', (extract(epoch FROM clock_timestamp() - waitstart) * 1000)::float8 FROM pg_locks
           WHERE NOT granted AND waitstart IS NOT NULL
             -- CREATE INDEX CONCURRENTLY waits for transactions, and nothing waits behind it.
             AND locktype IN ('relation', 'tuple', 'transactionid')`,
      );
      for (const { kind, ms } of rows) {
        if (kind === 'lock') lockWait = Math.max(lockWait, ms);
        else longest[kind] = Math.max(longest[kind] ?? 0, ms);
      }
      await sleep(sampleMs);
    }
  })();
  return {
    async stop() {
      stopping = true;
      await work;
      await client.end();
      const round = (ms: number | undefined): number => Math.round(ms ?? 0);
      return {
        longestStatementMs: round(longest.batch),
        longestIndexMs: round(longest.concurrently),
        longestValidateMs: round(longest.validate),
        longestLockWaitMs: round(lockWait),
      };
    },
  };
}

async function measureCheck({ api }: DemoService) {
  const took: number[] = [];
  let check: StatisticsCheck | undefined;
  for (let n = 0; n < 3; n++) {
    const began = performance.now();
    check = await api.get<StatisticsCheck>('/bookings/statistics/check', { targetSchema: schema });
    took.push(performance.now() - began);
  }
  const figures = check?.differences.map(({ figure, kept, recomputed }) => ({ figure, kept, recomputed })) ?? [];
  const differences = { count: figures.length, some: figures.slice(0, 5) };
  return { users: check?.users, differences, ms: Math.round(percentile(took, 0.5)) };
}
