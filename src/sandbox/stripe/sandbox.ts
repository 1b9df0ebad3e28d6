import { Clock } from '../core/clock.ts';
import type { MutableData } from '../core/control.ts';
import { Random } from '../core/random.ts';
import { type RunningSandbox, startSandbox } from '../core/sandbox.ts';
import { stripeApi } from './api/api.ts';
import { IdempotencyStore } from './api/idempotency.ts';
import { Limits, ObjectLocks } from './api/limits.ts';
import { type StripeConfig, type StripeSandboxOptions, type StripeSettings, stripeOptionsSchema } from './options.ts';
import { resourceOf } from './resources/index.ts';
import { type AccountStore, AccountStores } from './store.ts';
import { WebhookSender } from './webhooks.ts';

/** A running server that behaves like Stripe's API. `data` are the account's objects in test mode. */
export interface StripeSandbox extends Omit<RunningSandbox<StripeData, StripeSettings>, 'origin'> {
  /** The value for `STRIPE_API_URL`, `http://127.0.0.1:4020`. */
  readonly url: string;
  readonly secretKey: string;
  readonly liveKey: string;
  /** May read test data and nothing else. */
  readonly readOnlyKey: string;
  /** The account's objects in live mode. */
  readonly liveData: StripeData;
  readonly webhooks: WebhookSender;
  /** Removes the answers kept under one idempotency key, or under all; returns how many were removed. */
  forget(key?: string): number;
}

/** Serves an empty account. Rejects on an invalid option, or when the port is taken. */
export async function startStripeSandbox(options: StripeSandboxOptions = {}): Promise<StripeSandbox> {
  const config = stripeOptionsSchema.parse(options);
  const { secretKey, liveKey, readOnlyKey } = config;
  const clock = new Clock();
  const settings = settingsOf(config);
  const stores = new AccountStores(clock, new Random(config.seed).fork('ids'), () => settings.searchLagMs);
  const data = new StripeData(stores.get(false));
  const idempotency = new IdempotencyStore(clock, () => settings.idempotencyTtlMs);
  const { webhookUrl: url, webhookSecret: secret } = config;
  const webhooks = new WebhookSender(clock, url === undefined ? [] : [{ url, secret }]);
  const forget = (key?: string) => idempotency.forget(key);
  const upstream = stripeApi({
    stores,
    keys: config,
    settings,
    clock,
    random: new Random(config.seed).fork('requests'),
    limits: new Limits(settings, clock),
    idempotency,
    locks: new ObjectLocks(clock, () => settings.lockWaitMs),
    onEvent: (store, id) => sendToWebhooks(store, id, webhooks),
  });
  const { origin, ...running } = await startSandbox(config, {
    upstream,
    clock,
    data,
    settings,
    actions: { forget: (key) => ({ forgotten: forget(key === undefined ? undefined : String(key)) }) },
    beforeClose: () => webhooks.close(),
  });
  const liveData = new StripeData(stores.get(true));
  return { url: origin, secretKey, liveKey, readOnlyKey, ...running, liveData, webhooks, forget };
}

function settingsOf(config: StripeConfig): StripeSettings {
  const { latencyMs, globalRps, endpointRps, searchRps, searchLagMs, idempotencyTtlMs, lockWaitMs } = config;
  return { latencyMs, globalRps, endpointRps, searchRps, searchLagMs, idempotencyTtlMs, lockWaitMs };
}

/** Sends an event of the test mode; the sandbox has no webhook endpoints for live mode. */
function sendToWebhooks(store: AccountStore, id: string, webhooks: WebhookSender): void {
  const event = store.get('event', id);
  if (!store.livemode && event !== undefined && webhooks.endpoints > 0) webhooks.send(event);
}

/** The objects of one mode, for tests. Changes made here are checked by no rule and make no event, as if the objects had always been so. */
class StripeData implements MutableData {
  readonly #store: AccountStore;

  constructor(store: AccountStore) {
    this.#store = store;
  }

  counts(): Record<string, number> {
    return this.#store.counts();
  }

  get(kind: string, id: string): Record<string, unknown> | undefined {
    return this.#store.get(resourceOf(kind).object, id);
  }

  /** Every object of a kind, newest first. */
  all(kind: string): Record<string, unknown>[] {
    return [...this.#store.all(resourceOf(kind).object).newestFirst()];
  }

  insert(kind: string, fields: Readonly<Record<string, unknown>>): string {
    const resource = resourceOf(kind);
    const id = typeof fields.id === 'string' ? fields.id : this.#store.newId(resource.object);
    this.#store.put({ ...resource.blank(this.#store), ...fields, id, object: resource.object });
    return id;
  }

  modify(kind: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const object = this.#store.get(resourceOf(kind).object, id);
    if (object === undefined) return false;
    this.#store.put({ ...object, ...changes, id, object: object.object });
    return true;
  }

  delete(kind: string, id: string): boolean {
    return this.#store.delete(resourceOf(kind).object, id);
  }
}
