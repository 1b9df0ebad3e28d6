import type {
  CutoverSpec,
  Exchange,
  Phase,
  PlanItem,
  PlannedDifference,
  RelationName,
  Step,
} from '../../../contract/cutover.ts';
import type { Catalog, Table } from '../catalog.ts';
import { displayName, quoteName } from '../names.ts';

export type Direction = 'cutover' | 'rollback';

/** One table of the exchange: the one that comes, the one that goes. */
export interface ExchangePair {
  readonly exchange: Exchange;
  readonly incoming: Table;
  readonly live: Table;
  /** SQL of the incoming table where it stands before the move. */
  readonly before: string;
  /** SQL of the live name: the old table before the move, the new one after. */
  readonly after: string;
  /** For lists: the live name. */
  readonly label: string;
}

/** What every part of the planner is given. */
export interface PlanContext {
  readonly direction: Direction;
  readonly stamp: string;
  readonly spec: CutoverSpec;
  readonly catalog: Catalog;
  readonly pairs: readonly ExchangePair[];
  readonly draft: PlanDraft;
  /** Keep recording changes on the new live tables. */
  readonly capture: boolean;
}

export function createPair(exchange: Exchange, incoming: Table, live: Table): ExchangePair {
  return { exchange, incoming, live, before: quoteName(incoming), after: quoteName(live), label: displayName(live) };
}

/** True of a table that only serves staging: keys between it and the set end with the cutover. */
export function isStaging(context: PlanContext, name: RelationName): boolean {
  const suffix = context.spec.stagingSuffix ?? '_staging';
  const schemas = new Set(context.pairs.flatMap((pair) => (movesSchema(pair) ? pair.incoming.schema : [])));
  return schemas.has(name.schema) || name.name.endsWith(suffix);
}

export function movesSchema(pair: ExchangePair): boolean {
  return pair.incoming.schema !== pair.live.schema;
}

/**
 * The places a statement can have, in the order they run. The order is the algorithm: keys and sequences let go of the
 * old tables before these move; what is compiled from names (policies, views) comes after the names are right. Triggers hold
 * their table by its oid and are made before, where that takes nothing from clients.
 */
const stepPlaces = {
  shape: 'prepare',
  build: 'prepare',
  keys: 'prepare',
  validate: 'prepare',
  analyze: 'prepare',
  rebuild: 'prepare',
  settings: 'staged',
  rights: 'staged',
  clear: 'staged',
  advance: 'staged',
  rename: 'staged',
  equip: 'staged',
  lock: 'lock',
  letGo: 'swap',
  displace: 'swap',
  move: 'swap',
  name: 'swap',
  own: 'swap',
  behaviour: 'swap',
  point: 'swap',
  rematerialize: 'swap',
  functions: 'swap',
  views: 'swap',
  publish: 'swap',
  discard: 'swap',
  counters: 'swap',
  confirm: 'after',
  refresh: 'after',
} as const satisfies Record<string, Phase>;

export type StepPlace = keyof typeof stepPlaces;

/** A plan in the making. Parts add to it in any order; `steps` gives them in the order of their places. */
export class PlanDraft {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  readonly items: PlanItem[] = [];
  readonly differences: PlannedDifference[] = [];
  readonly locks: RelationName[] = [];
  readonly #steps: (Step & { readonly rank: number })[] = [];

  /** One statement, and its line in the list of what is done. */
  step(place: StepPlace, kind: string, object: string, action: string, sql: string): void {
    this.statement(place, `${kind} ${object}`, action, sql);
    this.item(kind, object, action);
  }

  /** A statement that belongs to something listed already. */
  statement(place: StepPlace, object: string, action: string, sql: string): void {
    this.#steps.push({ phase: stepPlaces[place], object, action, sql, rank: Object.keys(stepPlaces).indexOf(place) });
  }

  item(kind: string, object: string, action: string): void {
    this.items.push({ kind, object, action });
  }

  steps(): Step[] {
    const sorted = this.#steps.map((step, index) => ({ step, index }));
    // What was made last goes first: a view stands on the one before it.
    const last = Object.keys(stepPlaces).indexOf('discard');
    sorted.sort((a, b) => a.step.rank - b.step.rank || (a.step.rank === last ? b.index - a.index : a.index - b.index));
    return sorted.map(({ step: { rank: _rank, ...step } }) => step);
  }
}
