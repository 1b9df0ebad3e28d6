import type { Entity } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { maskedValue } from './text.ts';

/** Names of a row's columns by who may see them. */
export interface ColumnAccess {
  /** May hold personal data: for operators. */
  readonly personal: readonly string[];
  /** Made from a secret (a hash of a password): for nobody. */
  readonly secret: readonly string[];
}

const plainTypes = new Set(['uuid', 'boolean', 'timestamptz']);

/**
 * Which columns of an entity's table hide what from whom. Ids, an API's too, flags, instants and money are plain; everything else,
 * and every column the plan does not know, may be about a person: a plan does not have to say so for it to be hidden.
 */
export function columnAccess(entity: Entity, columns: readonly string[]): ColumnAccess {
  const money = new Set(Object.values(entity.money ?? {}));
  const isSecret = (name: string): boolean => entity.target.columns[name]?.enriched === true;
  const isPlain = (name: string): boolean =>
    name === 'id' ||
    money.has(name) ||
    entity.target.columns[name]?.filledByApi === true ||
    plainTypes.has(entity.target.columns[name]?.type ?? '');
  return {
    personal: columns.filter((name) => !isSecret(name) && !isPlain(name)),
    secret: columns.filter(isSecret),
  };
}

/** The row with the values of these columns hidden. An empty value stays empty: that it is missing is no secret. */
export function maskColumns(row: JsonObject, columns: readonly string[]): JsonObject {
  const hide = new Set(columns);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, hide.has(name) && value !== null ? maskedValue : value]),
  );
}
