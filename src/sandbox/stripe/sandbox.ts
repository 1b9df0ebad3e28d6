import { Clock } from '../core/clock.ts';
import { controlSurface, type MutableData } from '../core/control.ts';
import { FaultPlan } from '../core/faults.ts';
import { Journal } from '../core/journal.ts';
import { Random } from '../core/random.ts';
import { startServer } from '../core/server.ts';
import { stripeApi } from './api/api.ts';
import { IdempotencyStore } from './api/idempotency.ts';
import { Limits, ObjectLocks } from './api/limits.ts';
import { type StripeConfig, type StripeSandboxOptions, type StripeSettings, stripeOptionsSchema } from './options.ts';
import { resourceOf } from './resources/index.ts';
import { type AccountStore, AccountStores } from './store.ts';
import { WebhookSender } from './webhooks.ts';

/** A running stand-in for Stripe's API. */
export interface StripeSandbox {
  /** `http://127.0.0.1:4020`: what `STRIPE_API_URL` is set to. */
  readonly url: string;
  readonly secretKey: string;
  readonly liveKey: string;
  /** May read test data and nothing else. */
  readonly readOnlyKey: string;
  readonly journal: Journal;
  readonly faults: FaultPlan;
  readonly clock: Clock;
  readonly settings: StripeSettings;
  /** The account's objects in test mode. */
  readonly data: StripeData;
  /** The account's objects in live mode. */
  readonly liveData: StripeData;
  readonly webhooks: WebhookSender;
  /** Lets the sandbox forget one idempotency key, or all of them; tells how many. */
  forget(key?: string): number;
  close(): Promise<void>;
}

/** Serves an empty account. Throws when an option makes no sense or the port is taken. */
export async function startStripeSandbox(options: StripeSandboxOptions = {}): Promise<StripeSandbox> {
  const config = stripeOptionsSchema.parse(options);
  const { secretKey, liveKey, readOnlyKey } = config;
  const clock = new Clock();
  const settings = settingsOf(config);
  const worlds = new AccountStores(clock, new Random(config.seed).fork('ids'), () => settings.searchLagMs);
  const data = new StripeData(worlds.get(false));
  const idempotency = new IdempotencyStore(clock, () => settings.idempotencyTtlMs);
  const { webhookUrl: url, webhookSecret: secret } = config;
  const webhooks = new WebhookSender(clock, url === undefined ? [] : [{ url, secret }]);
  const journal = new Journal(config.journalFile);
  const faults = new FaultPlan(config.seed, config.faults);
  const forget = (key?: string) => idempotency.forget(key);
  const api = stripeApi({
    worlds,
    keys: config,
    settings,
    clock,
    random: new Random(config.seed).fork('requests'),
    limits: new Limits(settings, clock),
    idempotency,
    locks: new ObjectLocks(clock, () => settings.lockWaitMs),
    onEvent: (world, id) => notify(world, id, webhooks),
  });
  const server = await startServer(config.port, config.host, {
    upstream: api,
    clock,
    journal,
    faults,
    latencyMs: () => settings.latencyMs,
    control: controlSurface({
      journal,
      faults,
      clock,
      manifest: {},
      data,
      settings,
      actions: { forget: (key) => ({ forgotten: forget(key === undefined ? undefined : String(key)) }) },
    }),
  });
  const close = async () => {
    await webhooks.close();
    await server.close();
    await journal.close();
  };
  const handles = { journal, faults, clock, settings, data, liveData: new StripeData(worlds.get(true)), webhooks };
  return { url: server.origin, secretKey, liveKey, readOnlyKey, ...handles, forget, close };
}

function settingsOf(config: StripeConfig): StripeSettings {
  const { latencyMs, globalRps, endpointRps, searchRps, searchLagMs, idempotencyTtlMs, lockWaitMs } = config;
  return { latencyMs, globalRps, endpointRps, searchRps, searchLagMs, idempotencyTtlMs, lockWaitMs };
}

/** Endpoints hear of test mode only: the sandbox has no second set for live. */
function notify(world: AccountStore, id: string, webhooks: WebhookSender): void {
  const event = world.get('event', id);
  if (!world.livemode && event !== undefined && webhooks.endpoints > 0) webhooks.send(event);
}

/** A mode's objects, open to tests: what is put here was there before, so it makes no event and meets no rule. */
class StripeData implements MutableData {
  readonly #world: AccountStore;

  constructor(world: AccountStore) {
    this.#world = world;
  }

  counts(): Record<string, number> {
    return this.#world.counts();
  }

  get(kind: string, id: string): Record<string, unknown> | undefined {
    return this.#world.get(resourceOf(kind).object, id);
  }

  /** Every object of a kind, newest first. */
  all(kind: string): Record<string, unknown>[] {
    return [...this.#world.all(resourceOf(kind).object).newestFirst()];
  }

  insert(kind: string, fields: Readonly<Record<string, unknown>>): string {
    const resource = resourceOf(kind);
    const id = typeof fields.id === 'string' ? fields.id : this.#world.newId(resource.object);
    this.#world.put({ ...resource.blank(this.#world), ...fields, id, object: resource.object });
    return id;
  }

  modify(kind: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const object = this.#world.get(resourceOf(kind).object, id);
    if (object === undefined) return false;
    this.#world.put({ ...object, ...changes, id, object: object.object });
    return true;
  }

  delete(kind: string, id: string): boolean {
    return this.#world.delete(resourceOf(kind).object, id);
  }
}
