import { setTimeout as sleep } from 'node:timers/promises';
import { type Delivery, type StripeEvent, sendAll, signEvent } from '../webhooks/deliver.ts';
import type { WebhookExperiment, WebhookScenario } from '../webhooks/scenario.ts';

const deliveriesPerEvent = 50;

/** What happens meanwhile, round by round. */
const faults: readonly ((drill: WebhookExperiment) => Promise<unknown>)[] = [
  ({ fleet, random }) => fleet.kill(random),
  async ({ environment: ground }) => ground.postgres?.restartImmediate(),
  ({ environment: ground }) => ground.redis.flush(),
];

export const webhooksReplayed: WebhookScenario = {
  name: 'webhooks-replayed',
  summary: `each event is sent ${deliveriesPerEvent} times, in parallel and in any order; a worker is killed, PostgreSQL crashes, Redis is emptied`,
  async sendEvents(drill) {
    const problems: string[] = [];
    const known = new Set<string>();
    let held: readonly Delivery[] = [];
    let sent = 0;
    for (const [round, trouble] of faults.entries()) {
      await changeSomeProducts(drill, round);
      const fresh = drill.stripe.data.all('event').filter(({ id }) => !known.has(String(id)));
      for (const { id } of fresh) known.add(String(id));
      // A part of what there is waits for the next round, so that old events arrive after new ones.
      const all = drill.random.shuffle([...held, ...repeatDeliveries(drill, fresh)]);
      const now = round === faults.length - 1 ? all : all.slice(0, Math.ceil(all.length / 2));
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

function repeatDeliveries({ secret }: WebhookExperiment, events: readonly StripeEvent[]): Delivery[] {
  return events.flatMap((event) => Array.from({ length: deliveriesPerEvent }, () => signEvent(event, secret)));
}

/** Somebody works in Stripe's dashboard. */
async function changeSomeProducts({ stripe, random }: WebhookExperiment, round: number): Promise<void> {
  const products = stripe.data.all('product').map(({ id }) => String(id));
  for (const id of random.shuffle(products).slice(0, Math.ceil(products.length / 3))) {
    const fields = random.chance(0.5) ? { name: `Renamed in round ${round}` } : { active: String(random.chance(0.5)) };
    const headers = { authorization: `Bearer ${stripe.secretKey}` };
    await fetch(`${stripe.url}/v1/products/${id}`, { method: 'POST', headers, body: new URLSearchParams(fields) });
  }
}
