import type { StripeSeed } from './draft.ts';

/** Where seeds are laid: a mode's objects of the Stripe sandbox. */
export interface StripeObjects {
  insert(kind: string, fields: Readonly<Record<string, unknown>>): string;
}

/** Lays in a Stripe sandbox what the catalogue's rows refer to. */
export function seedStripe(
  seeds: readonly StripeSeed[],
  modes: Readonly<Record<'test' | 'live', StripeObjects>>,
): void {
  for (const { mode, object, fields } of seeds) modes[mode].insert(object, fields);
}
