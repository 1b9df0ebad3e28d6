import { type DroverError, toDroverError } from '../../errors.ts';
import type { ObservedObject } from '../../plan/api-target.ts';
import type { Json } from '../../plan/json.ts';
import { bisect, groupBy } from '../stages/batching.ts';
import type { InboxQueue } from './store.ts';
import type { HandlerDeps, LeasedEvent, MirroredEntity, Observation, Settlement } from './types.ts';

/** Handles events of its types that are processed together and returns one settlement for each. Throws DroverError. */
export type WebhookHandler = (events: readonly LeasedEvent[]) => Promise<readonly Settlement[]>;

export interface ConsumerDeps {
  readonly queue: InboxQueue;
  /** The handler of an event; undefined for types that are only recorded. */
  readonly handlerOf: (event: LeasedEvent) => WebhookHandler | undefined;
  readonly leaseMs: number;
}

// As many objects as a list of Stripe takes, so that they are fetched in one request.
const batchSize = 100;
const maxRetryMs = 3_600_000;

/**
 * Applies some events of the inbox that are due; returns how many it claimed. Any number of workers may do it at once.
 * A failed event is kept with its code and retried with growing pauses, without end: one attempt an hour costs nothing, and a
 * defect may be corrected by the next version.
 */
export async function consumeInbox({ queue, handlerOf, leaseMs }: ConsumerDeps): Promise<number> {
  const leased = await queue.claim(batchSize, leaseMs);
  if (leased.events.length === 0) return 0;
  const settlements: Settlement[] = [];
  for (const [handler, events] of groupBy(leased.events, handlerOf)) {
    settlements.push(...(await handleEvents(handler, events)));
  }
  await queue.settle(leased, settlements);
  return leased.events.length;
}

async function handleEvents(
  handler: WebhookHandler | undefined,
  events: readonly LeasedEvent[],
): Promise<readonly Settlement[]> {
  // Stored by a version that had a handler for it.
  if (handler === undefined) return events.map((event) => ({ event, state: 'ignored' }));
  try {
    return await bisect(events, handler, failedSettlement);
  } catch (thrown) {
    const error = toDroverError(thrown);
    return events.map((event) => failedSettlement(event, error));
  }
}

function failedSettlement(event: LeasedEvent, { code, message, retryAfterMs }: DroverError): Settlement {
  const delayMs = retryAfterMs ?? Math.min(maxRetryMs, 1_000 * 2 ** Math.min(event.attempts, 20));
  return { event, state: 'failed', code, message, delayMs };
}

const mirroredProducts: MirroredEntity = { plan: 'catalog', entity: 'products', column: 'stripe_product_id' };
const objectKind = 'product';
// An event may arrive before the row: the product is created first. After a minute its row exists, or the product is not ours.
const maxAttempts = 6;

/** True of types about products and prices. */
export function isProductEvent(type: string): boolean {
  return /^(product|price)\./.test(type);
}

/** The handler of products and prices. It may be called again for the same event, so it only reads: the inbox stores the result. */
export function createProductHandler(tools: HandlerDeps): WebhookHandler {
  return (events) => observeProducts(events, tools);
}

/**
 * Products and prices: fetches the product as it is now, and records where it differs from its row. All products of the
 * events are fetched together, so a run's own writes, which cause events too, use almost none of the rate limit.
 */
async function observeProducts(events: readonly LeasedEvent[], tools: HandlerDeps): Promise<readonly Settlement[]> {
  const ours = events.filter((event) => whyUnobservable(event, tools) === undefined);
  const ids = [...new Set(ours.flatMap((event) => productIdOf(event) ?? []))];
  const observations = await observationsOf(ids, tools);
  return events.map((event) => {
    const ignored = whyUnobservable(event, tools);
    if (ignored !== undefined) return ignoredSettlement(event, ...ignored);
    const product = productIdOf(event);
    if (product === undefined) return ignoredSettlement(event, 'NO_PRODUCT', 'the event names no product');
    const observation = observations.get(product);
    return observation ? appliedSettlement(event, observation) : settlementWithoutRow(event, product);
  });
}

async function observationsOf(ids: readonly string[], tools: HandlerDeps): Promise<ReadonlyMap<string, Observation>> {
  const rows = [...(await tools.rows(mirroredProducts, ids))];
  const observed = await tools.fetchCurrent(rows.map(([, row]) => row));
  return new Map(
    rows.map(([objectId, row], index) => {
      const { state, differs } = observed[index] as ObservedObject;
      return [objectId, { kind: objectKind, objectId, row, state, differs }];
    }),
  );
}

/** Why the object cannot be fetched with our key (code and message), or undefined. */
function whyUnobservable(event: LeasedEvent, { livemode }: HandlerDeps): readonly [string, string] | undefined {
  if (event.account !== null) return ['OTHER_ACCOUNT', `it happened in the connected account ${event.account}`];
  if (livemode === undefined || event.livemode === livemode) return undefined;
  return ['OTHER_MODE', `it happened in ${event.livemode ? 'live' : 'test'} mode, and our key is of the other`];
}

function productIdOf({ type, objectId, payload }: LeasedEvent): string | undefined {
  if (type.startsWith('product.')) return objectId ?? undefined;
  // The product of a price never changes, so the event can be trusted here.
  const product = fieldOf(fieldOf(fieldOf(payload, 'data'), 'object'), 'product');
  const id = typeof product === 'string' ? product : fieldOf(product, 'id');
  return typeof id === 'string' ? id : undefined;
}

function fieldOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return (value as Readonly<Record<string, Json>>)[name];
}

function appliedSettlement(event: LeasedEvent, observation: Observation): Settlement {
  const { objectId, state, differs } = observation;
  const found =
    state === null
      ? 'no longer exists'
      : differs.length === 0
        ? 'is as its row says'
        : `differs from its row in ${differs.join(', ')}`;
  return { event, state: 'applied', effect: `${objectId} ${found}`, observation };
}

function settlementWithoutRow(event: LeasedEvent, product: string): Settlement {
  const message = `no migrated row names ${product}`;
  if (event.attempts >= maxAttempts) return ignoredSettlement(event, 'NO_ROW', message);
  return { event, state: 'pending', code: 'NO_ROW', message, delayMs: 1_000 * 2 ** event.attempts };
}

function ignoredSettlement(event: LeasedEvent, code: string, message: string): Settlement {
  return { event, state: 'ignored', code, message };
}
