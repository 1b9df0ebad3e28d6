import { type Delivery, type StripeEvent, sendAll, signEvent } from '../webhooks/deliver.ts';
import type { WebhookExperiment, WebhookScenario } from '../webhooks/scenario.ts';

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

type Corruption = (event: StripeEvent, drill: WebhookExperiment) => Delivery;

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
  async sendEvents(drill) {
    const { api, probe, secret, stripe, random } = drill;
    const events = stripe.data.all('event');
    const spoiled = random.shuffle(
      events.flatMap((event) => Object.values(corruptions).map((way) => way(event, drill))),
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
