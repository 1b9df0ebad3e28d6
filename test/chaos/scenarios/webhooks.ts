import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Delivery,
  type StripeEvent,
  sendAll,
  signEvent,
  type WebhookExperiment,
  type WebhookScenario,
} from '../webhooks.ts';

const deliveriesPerEvent = 50;

/** What happens meanwhile, round by round. */
const faults: readonly ((experiment: WebhookExperiment) => Promise<unknown>)[] = [
  ({ fleet, random }) => fleet.kill(random),
  async ({ environment }) => environment.postgres?.restartImmediate(),
  ({ environment }) => environment.redis.flush(),
];

export const webhooksReplayed: WebhookScenario = {
  name: 'webhooks-replayed',
  summary: `each event is sent ${deliveriesPerEvent} times, in parallel and in any order; a worker is killed, PostgreSQL crashes, Redis is emptied`,
  async sendEvents(experiment) {
    const problems: string[] = [];
    const known = new Set<string>();
    let held: readonly Delivery[] = [];
    let sent = 0;
    for (const [round, trouble] of faults.entries()) {
      await changeSomeProducts(experiment, round);
      const fresh = experiment.stripe.data.all('event').filter(({ id }) => !known.has(String(id)));
      for (const { id } of fresh) known.add(String(id));
      // A part of what there is waits for the next round, so that old events arrive after new ones.
      const all = experiment.random.shuffle([...held, ...repeatDeliveries(experiment, fresh)]);
      const now = round === faults.length - 1 ? all : all.slice(0, Math.ceil(all.length / 2));
      held = all.slice(now.length);
      const struck = sleep(200).then(() => trouble(experiment));
      for (const [status, n] of await sendAll(experiment.api.url, now)) {
        if (status !== 200) problems.push(`${n} right deliveries were answered ${status}`);
      }
      await struck;
      sent += now.length;
    }
    return { faults: sent - known.size, problems };
  },
};

function repeatDeliveries({ secret }: WebhookExperiment, events: readonly StripeEvent[]): Delivery[] {
  return events.flatMap((event) => Array.from({ length: deliveriesPerEvent }, () => signEvent(event, secret)));
}

/** Changes objects as a person in Stripe's dashboard does. */
async function changeSomeProducts({ stripe, random }: WebhookExperiment, round: number): Promise<void> {
  const products = stripe.data.all('product').map(({ id }) => String(id));
  for (const id of random.shuffle(products).slice(0, Math.ceil(products.length / 3))) {
    const fields = random.chance(0.5) ? { name: `Renamed in round ${round}` } : { active: String(random.chance(0.5)) };
    const headers = { authorization: `Bearer ${stripe.secretKey}` };
    await fetch(`${stripe.url}/v1/products/${id}`, { method: 'POST', headers, body: new URLSearchParams(fields) });
  }
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

type Corruption = (event: StripeEvent, experiment: WebhookExperiment) => Delivery;

const corruptions: Readonly<Record<string, Corruption>> = {
  forged: (event) => signEvent(event, 'whsec_of_somebody_else'),
  stale: (event, { secret }) => signEvent(event, secret, nowSeconds() - 301),
  'serialised again': (event, { secret }) => ({ ...signEvent(event, secret), body: JSON.stringify(event, null, 1) }),
  'one byte flipped': (event, { secret, random }) => {
    const right = signEvent(event, secret);
    const body = Buffer.from(right.body);
    const at = random.int(0, body.length - 1);
    body[at] = Number(body[at]) ^ (1 << random.int(0, 7));
    return { ...right, body };
  },
  'cut short': (event, { secret }) => {
    const right = signEvent(event, secret);
    return { ...right, body: String(right.body).slice(0, -1) };
  },
  'signature of another': (event, { secret }) => {
    return { ...signEvent(event, secret), signature: signEvent({ ...event, id: 'evt_other' }, secret).signature };
  },
};

export const webhooksForged: WebhookScenario = {
  name: 'webhooks-forged',
  summary: `events that are ${Object.keys(corruptions).join(', ')}: refused, and nothing is stored; right ones go through after them`,
  async sendEvents(experiment) {
    const { api, probe, secret, stripe, random } = experiment;
    const events = stripe.data.all('event');
    const spoiled = random.shuffle(
      events.flatMap((event) => Object.values(corruptions).map((way) => way(event, experiment))),
    );
    const refused = await sendAll(api.url, spoiled);
    const [row] = await probe.query<{ n: number }>('SELECT count(*)::int AS n FROM drover.inbox');
    const accepted = await sendAll(
      api.url,
      events.map((event) => signEvent(event, secret)),
    );
    const problems = [
      ...[...refused].filter(([status]) => status !== 400).map(([status, n]) => `${n} wrong deliveries got ${status}`),
      ...(row?.n === 0 ? [] : [`${row?.n} wrong deliveries were stored`]),
      ...[...accepted].filter(([status]) => status !== 200).map(([status, n]) => `${n} right deliveries got ${status}`),
    ];
    return { faults: spoiled.length, problems };
  },
};
