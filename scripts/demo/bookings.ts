import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Client } from '../../src/cli/client.ts';
import type { LinkView } from '../../src/contract/bookings.ts';
import type { Page, RunView } from '../../src/contract/runs.ts';
import { spellAddress } from '../../src/sandbox/bookings/people.ts';
import { type BookingsSandbox, makeBookings } from '../../src/sandbox/bookings/sandbox.ts';
import { type StripeSandbox, startStripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import { stripeApiVersion } from '../../src/upstreams/stripe/objects.ts';
import { stopOnSignals } from '../stack/process.ts';
import { resolveServices, ServicesUnavailable } from '../stack/services.ts';
import { type Checked, checkDay, checkLink, checkRecords, checkSums, type Finding } from './bookings-check.ts';
import { type DemoService, followRun, startService } from './service.ts';
import { makeDay, type StripeEvent, type WebhookDay } from './webhook-day.ts';

export interface BookingsDemoOptions {
  readonly rows: number;
  readonly workers: number;
  /** End after the checks. */
  readonly exit: boolean;
}

const webhookSecret = 'whsec_demo';
const writesPerSecond = 50;
const currency = 'PHP';

/** Runs the demo of plan `bookings`; answers the exit code: 0 when everything checked out. Throws ServicesUnavailable. */
export async function demoBookings({ rows, workers, exit }: BookingsDemoOptions): Promise<number> {
  const services = await resolveServices(process.env, { dir: resolve('.drover/demo') });
  console.log(services.saidInOneSentence);
  const schema = `demo_${Date.now().toString(36)}`;
  const sandbox = await makeBookings({ databaseUrl: services.databaseUrl, schema }, { rows });
  console.log(`Made ${sandbox.table} with ${rows} bookings of ${sandbox.manifest.users} people.`);
  const stripe = await startStripeSandbox({ globalRps: 0, endpointRps: 0 });
  const service = await startService(services, workers, {
    ...{ SOURCE_DATABASE_URL: services.databaseUrl, STRIPE_API_URL: stripe.url, STRIPE_SECRET_KEY: stripe.secretKey },
    ...{ STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_MAX_RPS: '1000', STRIPE_ENDPOINT_MAX_RPS: '1000' },
  });
  const client = new pg.Client({ connectionString: services.databaseUrl });
  const stop = async () => {
    await client.end();
    await service.children.stop();
    await stripe.close();
    await services.stop();
  };
  stopOnSignals(stop);
  let problems: readonly string[];
  try {
    await client.connect();
    problems = await demonstrate({ client, api: service.api, schema: `"${schema}"`, sandbox }, schema, stripe);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  if (!exit) await untilStopped(service);
  await stop();
  return problems.length === 0 ? 0 : 1;
}

async function untilStopped({ api, key, children }: DemoService): Promise<void> {
  console.log(`\nAPI page  ${api.url}/docs\nSign in with the key ${key}`);
  console.log('Everything stays up for a look around; Ctrl-C ends it.');
  console.error(`The ${await children.ended} ended; stopping the rest.`);
}

async function demonstrate(checked: Checked, targetSchema: string, stripe: StripeSandbox): Promise<readonly string[]> {
  const { api, sandbox } = checked;
  const findings: Finding[] = [];
  const report = (finding: Finding): void => {
    findings.push(finding);
    const { checked: what, problems } = finding;
    console.log(
      `${problems.length === 0 ? 'right' : 'WRONG'}: ${what}${problems.map((line) => `\n  - ${line}`).join('')}`,
    );
  };
  console.log('\nThe plan: one user for each address, payments, notes of what was discarded.');
  const run = await migrate(api, targetSchema);
  report(await checkRecords(checked, run.id));
  console.log(`\nThe link, beside an application that writes ${writesPerSecond} times a second.`);
  report(await linkBesideWriter(api, sandbox, targetSchema));
  report(await checkLink(checked));
  console.log('\nA day of Stripe’s events, in no order, some twice, with forgeries among them.');
  const day = dayOf(sandbox, targetSchema);
  for (const [kind, fields] of day.objects) stripe.data.insert(kind, fields);
  stripe.webhooks.add({ url: `${api.url}/api/v1/webhooks/stripe`, secret: webhookSecret });
  report(await sendDay(api, stripe, day));
  report(await checkDay(checked, day));
  console.log('\nStatistics.');
  report(await checkSums(checked, targetSchema, day));
  const problems = findings.flatMap((finding) => finding.problems);
  console.log(
    problems.length === 0
      ? '\nEverything is as the sandbox’s data and events ask for.'
      : `\nNOT as the sandbox’s data and events ask for: ${problems.length} problems, see above.`,
  );
  return problems;
}

async function migrate(api: Client, targetSchema: string): Promise<RunView> {
  const params = { table: `${targetSchema}.bookings`, currency };
  const begun = await api.request<RunView>('POST', '/runs', { body: { plan: 'bookings', targetSchema, params } });
  const run = await followRun(api, begun.id);
  if (run.status !== 'failed') return run;
  throw new ServicesUnavailable(`The run failed: ${run.reason}`);
}

async function linkBesideWriter(api: Client, sandbox: BookingsSandbox, targetSchema: string): Promise<Finding> {
  const writer = await sandbox.write(writesPerSecond);
  const began = performance.now();
  let view = await api.request<LinkView>('POST', '/bookings/link', { body: { targetSchema, reason: 'demo' } });
  while (view.state !== 'done' && performance.now() - began < 600_000) {
    await sleep(200);
    view = await api.get<LinkView>('/bookings/link', { targetSchema });
  }
  await writer.stop();
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  return {
    checked: `the link passed ${view.passed} rows and made its index and key in ${seconds} s, beside ${writer.took.length} writes`,
    problems: view.state === 'done' ? [] : [`the link is ${view.state}: ${view.lastError ?? view.hold?.reason}`],
  };
}

/** The day's payments: some that the migration has made, and new ones of people it knows. */
function dayOf({ manifest, generator, people }: BookingsSandbox, label: string): WebhookDay {
  const size = Math.max(20, Math.min(400, Math.floor(manifest.rows / 50)));
  const random = generator.random.fork('day');
  const { dirt, rows, seed } = generator.config;
  const known = [];
  for (let n = 1; n <= rows && known.length < size / 4; n++) {
    const { reference, truth } = generator.booking(n);
    if (reference !== null && truth.email !== undefined && truth.paid)
      known.push({ reference, email: truth.email, amount: truth.paid });
  }
  const payers = [];
  for (let n = 0; n < rows && payers.length < Math.min(size, people.size); n++) {
    const person = generator.person(n);
    if (people.has(person.email)) payers.push({ email: person.email, spelled: spellAddress(person, random, dirt) });
  }
  return makeDay({ known, payers, apiVersion: stripeApiVersion, seed, label });
}

const senders = 16;
const settledWithinMs = 90_000;

/** Sends the day's events, and forgeries of some, which must be refused; ends when every event has its end. */
async function sendDay(api: Client, stripe: StripeSandbox, { events, counts }: WebhookDay): Promise<Finding> {
  const problems: string[] = [];
  const queue = [...events];
  const send = async (): Promise<void> => {
    for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
      const [status] = await stripe.webhooks.resend(event);
      if (status !== 200) problems.push(`${event.id} was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: senders }, send));
  const forgeries = await sendForgeries(stripe, events.slice(0, 4), problems);
  const inbox = await untilSettled(api, problems);
  const told = Object.entries(counts).map(([name, n]) => `${n} ${name}`);
  return {
    checked: `${events.length} events accepted (${told.join(', ')}), ${forgeries} forgeries refused, ${inbox} events settled`,
    problems,
  };
}

/** Signed with another secret, changed after it was signed, signed an hour ago. Their events would be new ones. */
async function sendForgeries(
  stripe: StripeSandbox,
  events: readonly StripeEvent[],
  problems: string[],
): Promise<number> {
  const faults = [{ secret: 'whsec_of_others' }, { tampered: true }, { ageSeconds: 3_600 }];
  for (const event of events) {
    for (const [n, fault] of faults.entries()) {
      const [status] = await stripe.webhooks.resend({ ...event, id: `${event.id}_forged_${n}` }, fault);
      if (status !== 400) problems.push(`a forgery (${Object.keys(fault)}) was answered ${status}`);
    }
  }
  return events.length * faults.length;
}

interface InboxEvent {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly code: string | null;
  readonly message: string | null;
}

/** Waits until no event is pending or failed; answers how many were settled. */
async function untilSettled(api: Client, problems: string[]): Promise<number> {
  const began = performance.now();
  for (;;) {
    const pending: Page<InboxEvent> = await api.get('/webhooks', { state: 'pending', limit: 5 });
    const failed: Page<InboxEvent> = await api.get('/webhooks', { state: 'failed', limit: 5 });
    const open = [...pending.items, ...failed.items];
    if (open.length === 0) break;
    if (performance.now() - began > settledWithinMs) {
      problems.push(
        ...open.map(({ id, type, state, code, message }) => `${type} ${id} is ${state}: ${code} ${message}`),
      );
      break;
    }
    await sleep(500);
  }
  let settled = 0;
  for (const state of ['applied', 'ignored']) {
    let cursor: string | undefined;
    do {
      const page: Page<InboxEvent> = await api.get('/webhooks', { state, cursor, limit: 200 });
      settled += page.items.length;
      for (const { id } of page.items) if (id.includes('_forged_')) problems.push(`the forgery ${id} was accepted`);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }
  return settled;
}
