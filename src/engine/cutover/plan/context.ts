import type { Catalog, Table } from '../catalog.ts';
import type { CutoverSpec, Exchange, Name } from '../contract.ts';
import { displayName, quoteName } from '../names.ts';
import type { PlanDraft } from './draft.ts';

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
export function isStaging(scene: PlanContext, name: Name): boolean {
  const suffix = scene.spec.stagingSuffix ?? '_staging';
  const schemas = new Set(scene.pairs.flatMap((pair) => (movesSchema(pair) ? pair.incoming.schema : [])));
  return schemas.has(name.schema) || name.name.endsWith(suffix);
}

export function movesSchema(pair: ExchangePair): boolean {
  return pair.incoming.schema !== pair.live.schema;
}
