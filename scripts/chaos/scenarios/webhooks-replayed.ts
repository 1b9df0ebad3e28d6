import { setTimeout as sleep } from 'node:timers/promises';
import { type Delivery, delivery, type StripeEvent, sendAll } from '../webhooks/deliver.ts';
import type { WebhookDrill, WebhookScenario } from '../webhooks/scenario.ts';

const times = 50;

/** What happens meanwhile, round by round. */
const troubles: readonly ((drill: WebhookDrill) => Promise<unknown>)[] = [
  ({ fleet, random }) => fleet.kill(random),
  async ({ ground }) => ground.postgres?.restartImmediate(),
  ({ ground }) => ground.redis.flush(),
];

export const webhooksReplayed: WebhookScenario = {
  name: 'webhooks-replayed',
  summary: `each event is sent ${times} times, in parallel and in any order; a worker is killed, PostgreSQL crashes, Redis is emptied`,
  async send(drill) {
    const problems: string[] = [];
    const known = new Set<string>();
    let held: readonly Delivery[] = [];
    let sent = 0;
    for (const [round, trouble] of troubles.entries()) {
      await changeSome(drill, round);
      const fresh = drill.stripe.data.all('event').filter(({ id }) => !known.has(String(id)));
      for (const { id } of fresh) known.add(String(id));
      // A part of what there is waits for the next round, so that old events arrive after new ones.
      const all = drill.random.shuffle([...held, ...fiftyfold(drill, fresh)]);
      const now = round === troubles.length - 1 ? all : all.slice(0, Math.ceil(all.length / 2));
      held = all.slice(now.length);
      const struck = sleep(200).then(() => trouble(drill));
      for (const [status, n] of await sendAll(drill.api.url, now)) {
        if (status !== 200) problems.push(`${n} right deliveries were answered ${status}`);
      }
      await struck;
      sent += now.length;
    }
    return { faults: sent - known.size, problems };
  },
};

function fiftyfold({ secret }: WebhookDrill, events: readonly StripeEvent[]): Delivery[] {
  return events.flatMap((event) => Array.from({ length: times }, () => delivery(event, secret)));
}

/** Somebody works in Stripe's dashboard. */
async function changeSome({ stripe, random }: WebhookDrill, round: number): Promise<void> {
  const products = stripe.data.all('product').map(({ id }) => String(id));
  for (const id of random.shuffle(products).slice(0, Math.ceil(products.length / 3))) {
    const fields = random.chance(0.5) ? { name: `Renamed in round ${round}` } : { active: String(random.chance(0.5)) };
    const headers = { authorization: `Bearer ${stripe.secretKey}` };
    await fetch(`${stripe.url}/v1/products/${id}`, { method: 'POST', headers, body: new URLSearchParams(fields) });
  }
}
