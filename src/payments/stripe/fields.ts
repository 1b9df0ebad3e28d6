import type { Json, JsonObject } from '../../plan/json.ts';
import { fromStripe } from '../../targets/stripe/amounts.ts';
import type { BookingName } from '../payments.sql.ts';

/** Fields of Stripe's objects. What is absent or of another kind is null. */

export const textOf = (value: Json | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

export const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

export const listOf = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.map((one) => objectOf(one as Json)) : [];

/** An id that Stripe gives as text, or as the object itself where it was expanded. */
export const idOf = (value: Json | undefined): string | null => textOf(value) ?? textOf(objectOf(value).id);

/** Seconds since 1970. */
export const instantOf = (value: Json | undefined): Date | null =>
  typeof value === 'number' && Number.isFinite(value) ? new Date(value * 1_000) : null;

export const currencyOf = (object: JsonObject): string => (textOf(object.currency) ?? '').toUpperCase();

/** An amount in minor units of ISO 4217; null when there is none. */
export function amountOf(value: Json | undefined, currency: string): bigint | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? fromStripe(value, currency) : null;
}

const referenceNames = ['bookingreference', 'reference'];
const idNames = ['bookingid'];

/** The booking that the metadata name; null when they name none: then the payment is another application's. */
export function bookingOf(object: JsonObject): BookingName | null {
  const metadata = Object.entries(objectOf(object.metadata)).map(
    ([name, value]) => [name.toLowerCase().replace(/[^a-z]/g, ''), textOf(value)] as const,
  );
  const named = (names: readonly string[]): string | null =>
    metadata.find(([name, value]) => names.includes(name) && value !== null)?.[1] ?? null;
  const booking = { reference: named(referenceNames), id: named(idNames) };
  return booking.reference === null && booking.id === null ? null : booking;
}
