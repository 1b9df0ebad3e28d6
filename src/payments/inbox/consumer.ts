import { bisect } from '../../engine/bisect.ts';
import { groupBy } from '../../engine/group-by.ts';
import { type DroverError, toDroverError } from '../../errors.ts';
import { type Handler, handlerOf } from './handlers.ts';
import type { HandlerTools, HeldEvent, InboxQueue, Settlement } from './ports.ts';

export interface ConsumerDeps {
  readonly queue: InboxQueue;
  readonly tools: HandlerTools;
  readonly leaseMs: number;
}

// As many objects as a list of Stripe takes, so that they are looked at in one request.
const atOnce = 100;
const longestMs = 3_600_000;

/**
 * Applies some events of the inbox that are due; answers how many it took. Any number of workers may do it at once.
 * What fails is kept with its code and tried again, later each time, for ever: an hourly look costs nothing, and what is
 * wrong here may be mended by the next version.
 */
export async function consumeInbox({ queue, tools, leaseMs }: ConsumerDeps): Promise<number> {
  const held = await queue.take(atOnce, leaseMs);
  if (held.events.length === 0) return 0;
  const settlements: Settlement[] = [];
  for (const [handler, events] of groupBy(held.events, handlerOf)) {
    settlements.push(...(await settled(handler, events, tools)));
  }
  await queue.settle(held, settlements);
  return held.events.length;
}

async function settled(
  handler: Handler | undefined,
  events: readonly HeldEvent[],
  tools: HandlerTools,
): Promise<readonly Settlement[]> {
  // Stored by a version that had a handler for it.
  if (handler === undefined) return events.map((event) => ({ event, state: 'ignored' }));
  try {
    return await bisect(events, (some) => handler(some, tools), failed);
  } catch (thrown) {
    const error = toDroverError(thrown);
    return events.map((event) => failed(event, error));
  }
}

function failed(event: HeldEvent, { code, message, retryAfterMs }: DroverError): Settlement {
  const delayMs = retryAfterMs ?? Math.min(longestMs, 1_000 * 2 ** Math.min(event.attempts, 20));
  return { event, state: 'failed', code, message, delayMs };
}
