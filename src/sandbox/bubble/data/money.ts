import type { Random } from '../../core/random.ts';
import type { Currency } from './locales.ts';

/** How many digits follow the point. */
export const EXPONENT: Readonly<Record<Currency, number>> = { USD: 2, EUR: 2, PHP: 2, JPY: 0, KWD: 3 };

/** Units of a currency for a dollar, roughly. */
const PER_DOLLAR: Readonly<Record<Currency, number>> = { USD: 1, EUR: 0.92, PHP: 56, JPY: 150, KWD: 0.307 };

/** A price such as coaches ask, in minor units. */
export function randomPrice(random: Random, currency: Currency): number {
  const dollars = random.pick([25, 30, 45, 60, 75, 90, 120, 150, 200, 350, 1200]) + random.pick([0, 0, 0, 0.5, 0.99]);
  return Math.max(1, Math.round(dollars * PER_DOLLAR[currency] * 10 ** EXPONENT[currency]));
}

/** The amount as the API gives it: a number of major units. Division by a power of ten gives the nearest double, which prints exactly. */
export function major(minor: number, currency: Currency): number {
  return minor / 10 ** EXPONENT[currency];
}

/** The same with all its decimals, as text: `120.50`. */
export function decimal(minor: number, currency: Currency): string {
  return major(minor, currency).toFixed(EXPONENT[currency]);
}
