import type { ObservedObject } from '../../plan/api-target.ts';
import type { JsonObject } from '../../plan/json.ts';

/**
 * Events of upstreams: an event is stored once, applied once, in any order.
 *
 * Glossary
 * - event: one thing that happened at an upstream, as its webhook reports it; named by the upstream's own id.
 * - look: a request for the current state of an object. Events only name the object, so their order does not matter.
 * - observation: the result of a look, with the migrated row that names the object.
 */

export type Provider = 'stripe';

/** An event whose signature was verified. */
export interface InboxEvent {
  readonly provider: Provider;
  readonly id: string;
  readonly type: string;
  /** The object it concerns. */
  readonly objectId: string | null;
  /** The connected account it happened in; null is our own. */
  readonly account: string | null;
  readonly livemode: boolean;
  readonly happenedAt: Date;
  readonly payload: JsonObject;
}

export const eventStates = ['pending', 'applied', 'ignored', 'failed'] as const;
export type EventState = (typeof eventStates)[number];

/** What is done with an event of a type. */
export interface EventUse {
  /** False: its type has no handler. */
  readonly handled: boolean;
  /** Whether the event is stored as it was sent. A handled one always is. */
  readonly kept: boolean;
}

/** Stores arriving events. What it has acknowledged is on disk: a crash of PostgreSQL loses none of it. */
export interface InboxReceiver {
  /** Returns false when it was stored before. */
  store(event: InboxEvent, use: EventUse): Promise<boolean>;
}

/** An event that only this worker applies while its lease is valid. */
export interface LeasedEvent extends InboxEvent {
  /** This one included. */
  readonly attempts: number;
  readonly receivedAt: Date;
}

/** Events claimed together, under one lease. */
export interface LeasedEvents {
  readonly token: string;
  /** The number of the look in the order of all looks: the observation with the higher number is newer. */
  readonly lookNumber: string;
  readonly events: readonly LeasedEvent[];
}

export interface Observation extends ObservedObject {
  readonly kind: string;
  readonly objectId: string;
  readonly row: MirroredRow;
}

/** The result of an event. `delayMs`: it is handled again after that time; when absent, never. */
export interface Settlement {
  readonly event: Pick<InboxEvent, 'provider' | 'id'>;
  readonly state: EventState;
  readonly code?: string;
  readonly message?: string;
  readonly effect?: string;
  readonly delayMs?: number;
  readonly observation?: Observation;
}

/** A migrated row that names an object at an upstream. */
export interface MirroredRow {
  readonly plan: string;
  readonly entity: string;
  readonly runId: string;
  readonly targetSchema: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly row: JsonObject;
}

/** An entity whose rows name objects at an upstream in one of their columns. */
export interface MirroredEntity {
  readonly plan: string;
  readonly entity: string;
  readonly column: string;
}

/** The dependencies of handlers. Both functions throw DroverError. */
export interface HandlerDeps {
  /** The rows of these objects, by object: those of the newest run where several schemas have one. */
  rows(mirror: MirroredEntity, objectIds: readonly string[]): Promise<ReadonlyMap<string, MirroredRow>>;
  /** Their current objects at the upstream, in the order of the rows. */
  fetchCurrent(rows: readonly MirroredRow[]): Promise<readonly ObservedObject[]>;
  /** True when our key is of live mode; undefined without a key. */
  readonly livemode: boolean | undefined;
}
