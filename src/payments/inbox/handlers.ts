import { observeProducts } from './observe-products.ts';
import type { HandlerTools, HeldEvent, Provider, Settlement } from './ports.ts';

/**
 * Does what some events ask for; batch-first, one settlement an event. It may be called again for the same event, so it
 * looks and answers: what is kept, the inbox keeps together with the event's end. Throws DroverError.
 */
export type Handler = (events: readonly HeldEvent[], tools: HandlerTools) => Promise<readonly Settlement[]>;

interface Entry {
  readonly provider: Provider;
  readonly types: RegExp;
  readonly handle: Handler;
}

/** Which events something is done about. Another handler is another line. */
const entries: readonly Entry[] = [{ provider: 'stripe', types: /^(product|price)\./, handle: observeProducts }];

/** Undefined of types that are only noted. */
export function handlerOf({
  provider,
  type,
}: {
  readonly provider: Provider;
  readonly type: string;
}): Handler | undefined {
  return entries.find((entry) => entry.provider === provider && entry.types.test(type))?.handle;
}
