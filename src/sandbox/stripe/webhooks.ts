import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';

interface Endpoint {
  readonly url: string;
  readonly secret: string;
}

/** The faults of a delivery, for tests of a receiver. */
interface DeliveryFaults {
  /** How often the event is sent; 1 when absent. */
  readonly times?: number;
  /** Whether the body is changed after it was signed. */
  readonly tampered?: boolean;
  /** The age of the signature. A receiver must reject more than 300. */
  readonly ageSeconds?: number;
  /** The secret that signs, instead of the endpoint's. */
  readonly secret?: string;
}

interface Delivery {
  readonly event: string;
  readonly type: string;
  readonly attempt: number;
  /** 0 when there was no answer. */
  readonly status: number;
}

type EventBody = Readonly<Record<string, unknown>>;

/** Three attempts, as Stripe makes in a sandbox, but without the hours between them. */
const MAX_ATTEMPTS = 3;

/** Sends events to the endpoints, signed as Stripe signs them, and records every attempt. */
export class WebhookSender {
  readonly #clock: Clock;
  readonly #endpoints: Endpoint[] = [];
  readonly #deliveries: Delivery[] = [];
  readonly #pending = new Set<Promise<void>>();
  #closed = false;

  constructor(clock: Clock, endpoints: readonly Endpoint[]) {
    this.#clock = clock;
    this.#endpoints.push(...endpoints);
  }

  get deliveries(): readonly Delivery[] {
    return this.#deliveries;
  }

  get endpoints(): number {
    return this.#endpoints.length;
  }

  add(endpoint: Endpoint): void {
    this.#endpoints.push(endpoint);
  }

  /** Sends an event to every endpoint without waiting for them. */
  send(event: EventBody): void {
    for (const endpoint of this.#endpoints) {
      const delivery = this.#deliver(endpoint, event).finally(() => this.#pending.delete(delivery));
      this.#pending.add(delivery);
    }
  }

  /** Sends an event again to every endpoint, with faults if given; resolves to the last status of each endpoint. */
  async resend(event: EventBody, faults: DeliveryFaults = {}): Promise<number[]> {
    return Promise.all(
      this.#endpoints.map(async (endpoint) => {
        let status = 0;
        for (let i = 0; i < (faults.times ?? 1); i++) status = await this.#post(endpoint, event, faults);
        return status;
      }),
    );
  }

  /** Resolves when no delivery is pending. */
  async whenIdle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Stops retries and waits for the pending deliveries. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.whenIdle();
  }

  async #deliver(endpoint: Endpoint, event: EventBody): Promise<void> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS && !this.#closed; attempt++) {
      const status = await this.#post(endpoint, event, {});
      this.#deliveries.push({ event: String(event.id), type: String(event.type), attempt, status });
      if (status >= 200 && status < 300) return;
      await sleep(50 * attempt);
    }
  }

  async #post({ url, secret }: Endpoint, event: EventBody, faults: DeliveryFaults): Promise<number> {
    const body = JSON.stringify({ ...event, pending_webhooks: this.#endpoints.length });
    const at = Math.floor(this.#clock.now() / 1000) - (faults.ageSeconds ?? 0);
    const signature = signatureHeader(body, faults.secret ?? secret, at);
    const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature };
    const sent = faults.tampered === true ? body.replace('"livemode":false', '"livemode":true ') : body;
    try {
      const answer = await fetch(url, { method: 'POST', headers, body: sent, signal: AbortSignal.timeout(10_000) });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    }
  }
}

/** The value of `Stripe-Signature` for a body sent at a time (seconds since the epoch). */
export function signatureHeader(body: string, secret: string, at: number): string {
  const sign = (key: string) => createHmac('sha256', key).update(`${at}.${body}`).digest('hex');
  // Stripe also sends a signature of an older scheme, `v0`; a receiver must not accept it.
  return `t=${at},v1=${sign(secret)},v0=${sign(`${secret}_v0`)}`;
}
