import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Random } from '../../src/sandbox/core/random.ts';
import { signatureHeader } from '../../src/sandbox/stripe/webhooks.ts';
import type { DemoService } from '../demo/service.ts';

export interface WebhookBench {
  readonly service: DemoService;
  readonly client: pg.Client;
  readonly schema: string;
  readonly secret: string;
  readonly apiVersion: string;
}

interface SentEvent {
  readonly id: string;
  readonly body: string;
}

/** The value that `share` of the sorted figures do not exceed, with one decimal. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
}

/** Two events of each payment: it succeeded, and half of it was refunded. */
function makeEvents(label: string, count: number, apiVersion: string): SentEvent[] {
  return Array.from({ length: count }, (_, n) => {
    const intent = `pi_${label}_${Math.floor(n / 2)}`;
    const common = { amount: 10_000, currency: 'php', created: 1_760_000_000 };
    const metadata = { bookingReference: `${label}-${Math.floor(n / 2)}` };
    const object =
      n % 2 === 0
        ? { ...common, id: intent, object: 'payment_intent', amount_received: 10_000, metadata }
        : {
            ...common,
            id: `re_${intent}`,
            object: 'refund',
            amount: 5_000,
            payment_intent: intent,
            status: 'succeeded',
          };
    const type = n % 2 === 0 ? 'payment_intent.succeeded' : 'refund.created';
    const id = `evt_${label}_${n}`;
    const event = { id, object: 'event', type, created: common.created, livemode: false, api_version: apiVersion };
    return { id, body: JSON.stringify({ ...event, data: { object } }) };
  });
}

function post({ service, secret }: WebhookBench, agent: Agent, { body }: SentEvent): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'stripe-signature': signatureHeader(body, secret, Math.floor(Date.now() / 1_000)),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${service.api.url}/api/v1/webhooks/stripe`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end(body);
  });
}

/** Sends events at a rate; answers the time until they are accepted, from the moment each was due, and until they have their effect. */
export async function measureAcceptance(bench: WebhookBench, perSecond: number, seconds: number) {
  const label = `rate${Date.now().toString(36)}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const dueAt = new Map<string, number>();
  const took: number[] = [];
  // A refund that overtakes its payment waits two seconds: here each is a payment.
  const events = makeEvents(label, perSecond * seconds * 2, bench.apiVersion).filter((_, n) => n % 2 === 0);
  const open: Promise<void>[] = [];
  const began = performance.now();
  const beganAt = Date.now();
  for (const [n, event] of events.entries()) {
    const due = (n * 1_000) / perSecond;
    const early = began + due - performance.now();
    if (early > 1) await sleep(early);
    dueAt.set(event.id, beganAt + due);
    open.push(
      post(bench, agent, event).then((status) => {
        if (status !== 200) throw new Error(`an event was answered ${status}`);
        took.push(performance.now() - began - due);
      }),
    );
  }
  await Promise.all(open);
  await untilSettled(bench, label, events.length);
  const { rows } = await bench.client.query<{ id: string; at: number }>(
    `SELECT event_id AS id, extract(epoch FROM settled_at)::float8 * 1000 AS at FROM drover.inbox WHERE event_id LIKE $1`,
    [`evt_${label}_%`],
  );
  const visible = rows.map(({ id, at }) => at - (dueAt.get(id) ?? at));
  agent.destroy();
  return {
    ...{
      perSecond,
      events: events.length,
      acceptedP50Ms: percentile(took, 0.5),
      acceptedP99Ms: percentile(took, 0.99),
    },
    effectVisibleP95Ms: percentile(visible, 0.95),
  };
}

async function untilSettled({ client }: WebhookBench, label: string, count: number): Promise<void> {
  for (const deadline = Date.now() + 900_000; Date.now() < deadline; await sleep(200)) {
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM drover.inbox WHERE event_id LIKE $1 AND state = 'applied'`,
      [`evt_${label}_%`],
    );
    if (rows[0]?.n === count) return;
  }
  throw new Error('events were not settled within 15 minutes');
}

const copies = 5;
const connections = 50;

/** Every event five times, in no order, over 50 connections, with a worker that is killed; then the state is counted. */
export async function measureStorm(bench: WebhookBench, count: number) {
  const label = `storm${Date.now().toString(36)}`;
  const events = makeEvents(label, count, bench.apiVersion);
  const queue = new Random(7).shuffle(Array.from({ length: copies }, () => events).flat());
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const began = performance.now();
  let refused = 0;
  const victim = bench.service.startWorker('worker to be killed');
  const send = async (): Promise<void> => {
    for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
      if (queue.length === Math.floor((count * copies) / 2)) victim.kill('SIGKILL');
      if ((await post(bench, agent, event)) !== 200) refused += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  const sent = performance.now();
  await untilSettled(bench, label, count);
  const settled = performance.now();
  agent.destroy();
  const { rows } = await bench.client.query<{ kind: string; n: number; sum: string }>(
    `SELECT e.kind, count(*)::int AS n, sum(e.amount)::text AS sum FROM "${bench.schema}".payment_entries e
     JOIN "${bench.schema}".payments p ON p.id = e.payment_id WHERE p.provider_payment_id LIKE $1 GROUP BY 1 ORDER BY 1`,
    [`pi_${label}_%`],
  );
  const payments = Math.ceil(count / 2);
  const refunds = Math.floor(count / 2);
  const wanted = [
    { kind: 'charge', n: payments, sum: String(payments * 10_000) },
    ...(refunds > 0 ? [{ kind: 'refund', n: refunds, sum: String(refunds * -5_000) }] : []),
  ];
  return {
    ...{
      events: count,
      requests: count * copies,
      refused,
      isOneState: JSON.stringify(rows) === JSON.stringify(wanted),
      entries: rows,
    },
    ...{ sentSeconds: seconds(sent - began), settledSeconds: seconds(settled - began) },
  };
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;
