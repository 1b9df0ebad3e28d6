import type pg from 'pg';
import type { LeasedEvent, Settlement } from '../engine/webhooks/types.ts';
import type { JsonObject } from '../plan/json.ts';

/**
 * What goes on after a migration of payments.
 *
 * Glossary
 * - payment: a row of `payments`; its money is the sum of its entries.
 * - entry: one movement of money of a payment, once, named by the provider's object that caused it.
 * - stranger: an event of a payment that is not ours: another application uses the account.
 */

/** Kinds of entries; see the table's check. Those of money that leaves have negative amounts. */
export type EntryKind =
  | 'charge'
  | 'charge_reversal'
  | 'adjustment'
  | 'refund'
  | 'refund_reversal'
  | 'dispute'
  | 'dispute_reversal';

export interface Entry {
  readonly kind: EntryKind;
  /** The provider's id of what caused it. */
  readonly object: string;
  /** Minor units of ISO 4217, with its sign. */
  readonly amount: bigint;
  readonly currency: string;
  readonly happenedAt: Date | null;
}

export interface PaymentRow extends Record<string, unknown> {
  readonly id: string;
  readonly provider: string;
  readonly amount: string;
  readonly currency: string;
  readonly providerPaymentId: string | null;
  readonly bookingId: string | null;
}

/** The objects of a provider as they are now. */
export interface ProviderObjects {
  find(kind: 'payment_intent' | 'charge' | 'refund' | 'dispute', id: string): Promise<JsonObject | undefined>;
  refundsOf(charge: string): Promise<readonly JsonObject[]>;
}

/** What handlers of payment events use. Every function throws DroverError. */
export interface PaymentTools {
  /** Schemas of the target that have the tables of payments, the newest migration first. */
  schemas(): Promise<readonly string[]>;
  /** One transaction in the target, with a commit that is on disk. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Undefined without a key. */
  readonly objects: ProviderObjects | undefined;
  /** True when our key is of live mode; undefined without one. */
  readonly livemode: boolean | undefined;
  /** The version of the provider's API in which objects are read. */
  readonly apiVersion: string;
  /** How long an event waits for its payment. */
  readonly horizonMs: number;
}

/** What became of an event: its effect in words; what it waits for; or why it has no effect. Throws DroverError. */
export type EventResult =
  | { readonly kind: 'applied'; readonly effect: string }
  | { readonly kind: 'waiting'; readonly message: string; readonly isOurs: boolean }
  | { readonly kind: 'ignored'; readonly code: string; readonly message: string };

/** Handles one event of a type, given the object it is about. It may be called again for the same event, and at the same time. */
export type PaymentHandler = (event: LeasedEvent, object: JsonObject, tools: PaymentTools) => Promise<EventResult>;

export type { LeasedEvent, Settlement };
