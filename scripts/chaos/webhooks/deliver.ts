import { setTimeout as sleep } from 'node:timers/promises';
import { signatureHeader } from '../../../src/sandbox/stripe/webhooks.ts';

export type StripeEvent = Readonly<Record<string, unknown>>;

/** One request to the endpoint: its body as it is sent, and the signature that goes with it. */
export interface Delivery {
  readonly body: string | Buffer;
  readonly signature: string;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** An event as Stripe sends it. */
export function signEvent(event: StripeEvent, secret: string, at = nowSeconds()): Delivery {
  const body = JSON.stringify(event);
  return { body, signature: signatureHeader(body, secret, at) };
}

/** Sends all, so many at once, each until it is answered with something else than "later"; answers how often which status came. */
export async function sendAll(url: string, deliveries: readonly Delivery[]): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let at = next++; at < deliveries.length; at = next++) {
      const status = await sendUntilAnswered(url, deliveries[at] as Delivery);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sender));
  return statuses;
}

const concurrency = 50;
const maxAttempts = 40;

async function sendUntilAnswered(url: string, { body, signature }: Delivery): Promise<number> {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature };
  let status = 0;
  for (let n = 0; n < maxAttempts; n += 1) {
    status = await fetch(`${url}/api/v1/webhooks/stripe`, { method: 'POST', headers, body: Buffer.from(body) }).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      },
      () => 0,
    );
    if (status !== 429 && status !== 0 && status < 500) break;
    await sleep(100);
  }
  return status;
}
