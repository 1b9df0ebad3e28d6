import { identifier } from '../../../plan/sql.ts';
import { quoteName, shortenName, temporaryName } from '../names.ts';
import { type ExchangePair, movesSchema, type PlanContext } from './draft.ts';

/** What is renamed, and in which names it must be unique. */
export interface Rename {
  readonly kind: 'index' | 'constraint' | 'key' | 'sequence' | 'statistics';
  readonly from: string;
  readonly to: string;
}

/**
 * Gives objects of the incoming table their final names. Between schemas it is done before the locks, where the name is
 * free; otherwise by a temporary name, since the old object still holds it until it has moved away.
 */
export function planRenames(context: PlanContext, pair: ExchangePair, renames: readonly Rename[]): void {
  const taken = context.catalog.taken.get(pair.incoming.schema) ?? new Set();
  const current = new Set(renames.map((rename) => rename.from));
  for (const rename of renames.filter((one) => one.from !== one.to || collides(context, pair, one))) {
    const ofTable = rename.kind === 'constraint';
    const free = ofTable ? !current.has(rename.to) : movesSchema(pair) && !taken.has(rename.to);
    const object = `${pair.label} ${rename.to}`;
    const action = rename.from === rename.to ? 'keeps its name' : `takes this name, was ${rename.from}`;
    if (free) {
      context.draft.step(
        'rename',
        rename.kind,
        object,
        action,
        renameSql(pair.before, pair.incoming.schema, rename.kind, rename.from, rename.to),
      );
      continue;
    }
    const between = temporaryName(rename.kind, pair.label, rename.to);
    if (rename.from !== between)
      context.draft.statement(
        'rename',
        `${rename.kind} ${object}`,
        'frees its name',
        renameSql(pair.before, pair.incoming.schema, rename.kind, rename.from, between),
      );
    context.draft.step(
      'name',
      rename.kind,
      object,
      action,
      renameSql(pair.after, pair.live.schema, rename.kind, between, rename.to),
    );
  }
}

// Statistics do not move with their table, and are given the live schema by name, so they never collide on the way.
function collides(context: PlanContext, pair: ExchangePair, rename: Rename): boolean {
  return movesSchema(pair) && rename.kind !== 'constraint' && foreignNames(context, pair).has(rename.from);
}

function renameSql(table: string, schema: string, kind: Rename['kind'], from: string, to: string): string {
  const target = identifier(to);
  if (kind === 'constraint' || kind === 'key')
    return `ALTER TABLE ${table} RENAME CONSTRAINT ${identifier(from)} TO ${target}`;
  const what = { index: 'INDEX', sequence: 'SEQUENCE', statistics: 'STATISTICS' }[kind];
  return `ALTER ${what} ${quoteName({ schema, name: from })} RENAME TO ${target}`;
}

/** The name an object that only the incoming table has will bear: without its staging marks, and free. */
export function nameOfAddition(context: PlanContext, pair: ExchangePair, name: string, used: Set<string>): string {
  const bare = name.startsWith(pair.incoming.name) ? pair.live.name + name.slice(pair.incoming.name.length) : name;
  const suffix = context.spec.stagingSuffix ?? '_staging';
  const base = bare.endsWith(suffix) ? bare.slice(0, -suffix.length) : bare;
  const others = foreignNames(context, pair);
  let candidate = shortenName(base);
  for (let n = 2; used.has(candidate) || others.has(candidate); n += 1) candidate = shortenName(base, `_${n}`);
  used.add(candidate);
  return candidate;
}

/** Names in the live schema that stay where they are: not those of the tables that move away. */
export function foreignNames(context: PlanContext, pair: ExchangePair): ReadonlySet<string> {
  const names = new Set(context.catalog.taken.get(pair.live.schema) ?? []);
  for (const other of context.pairs) {
    for (const table of [other.live, other.incoming]) {
      if (table.schema !== pair.live.schema) continue;
      for (const one of [table, ...table.indexes, ...table.sequences.filter((s) => s.identity), ...table.statistics])
        names.delete(one.name);
    }
  }
  return names;
}

export function freeName(base: string, ending: string, taken: ReadonlySet<string>): string {
  let candidate = shortenName(base, ending);
  for (let n = 2; taken.has(candidate); n += 1) candidate = shortenName(base, `${ending}_${n}`);
  return candidate;
}

/** A live object and the incoming one that will take its place; `current` is undefined where it has yet to be made. */
export interface Match<T> {
  readonly live: T;
  readonly current: T | undefined;
}

/**
 * Pairs objects that are the same but for their name. One with the same name goes first, so that two equal indexes do
 * not change places.
 */
export function matchByDefinition<T extends { readonly name: string }>(
  live: readonly T[],
  incoming: readonly T[],
  same: (live: T, incoming: T) => boolean,
): { readonly matches: readonly Match<T>[]; readonly added: readonly T[] } {
  const free = new Set(incoming);
  const matches = live.map((one) => {
    const candidates = [...free].filter((other) => same(one, other));
    const current = candidates.find((other) => other.name === one.name) ?? candidates[0];
    if (current) free.delete(current);
    return { live: one, current };
  });
  return { matches, added: [...free] };
}
