import { type Delivery, delivery, type StripeEvent, sendAll } from '../webhooks/deliver.ts';
import type { WebhookDrill, WebhookScenario } from '../webhooks/scenario.ts';

const now = (): number => Math.floor(Date.now() / 1_000);

type Spoil = (event: StripeEvent, drill: WebhookDrill) => Delivery;

const ways: Readonly<Record<string, Spoil>> = {
  forged: (event) => delivery(event, 'whsec_of_somebody_else'),
  stale: (event, { secret }) => delivery(event, secret, now() - 301),
  'serialised again': (event, { secret }) => ({ ...delivery(event, secret), body: JSON.stringify(event, null, 1) }),
  'one byte flipped': (event, { secret, random }) => {
    const right = delivery(event, secret);
    const body = Buffer.from(right.body);
    const at = random.int(0, body.length - 1);
    body[at] = Number(body[at]) ^ (1 << random.int(0, 7));
    return { ...right, body };
  },
  'cut short': (event, { secret }) => {
    const right = delivery(event, secret);
    return { ...right, body: String(right.body).slice(0, -1) };
  },
  'signature of another': (event, { secret }) => {
    return { ...delivery(event, secret), signature: delivery({ ...event, id: 'evt_other' }, secret).signature };
  },
};

export const webhooksForged: WebhookScenario = {
  name: 'webhooks-forged',
  summary: `events that are ${Object.keys(ways).join(', ')}: refused, and nothing is stored; right ones go through after them`,
  async send(drill) {
    const { api, probe, secret, stripe, random } = drill;
    const events = stripe.data.all('event');
    const spoiled = random.shuffle(events.flatMap((event) => Object.values(ways).map((way) => way(event, drill))));
    const refused = await sendAll(api.url, spoiled);
    const [row] = await probe.ask<{ n: number }>('SELECT count(*)::int AS n FROM drover.inbox');
    const accepted = await sendAll(
      api.url,
      events.map((event) => delivery(event, secret)),
    );
    const problems = [
      ...[...refused].filter(([status]) => status !== 400).map(([status, n]) => `${n} wrong deliveries got ${status}`),
      ...(row?.n === 0 ? [] : [`${row?.n} wrong deliveries were stored`]),
      ...[...accepted].filter(([status]) => status !== 200).map(([status, n]) => `${n} right deliveries got ${status}`),
    ];
    return { faults: spoiled.length, problems };
  },
};
