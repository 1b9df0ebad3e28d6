import { identifier, literal } from '../../../plan/sql.ts';
import type { Constraint } from '../catalog.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import { type ExchangePair, isStaging, type PlanContext } from './draft.ts';
import { matchByDefinition, nameOfAddition, planRenames } from './renames.ts';

/** Foreign keys of the set's own tables. Those between them are built on the incoming tables before the swap. */
export function planKeys(context: PlanContext, pair: ExchangePair): void {
  const wanted = pair.live.constraints.filter((one) => one.type === 'f' && hasColumns(context, pair, one));
  const present = pair.incoming.constraints.filter((one) => one.type === 'f');
  const { matches, added } = matchByDefinition(wanted, present, (live, incoming) => {
    return (
      referencedTable(context, live).oid === incoming.references?.oid &&
      definitionWithoutTarget(live) === definitionWithoutTarget(incoming)
    );
  });
  for (const { live, current } of matches) buildKey(context, pair, live, current);
  const kept = added.filter((one) => keepsKey(context, pair, one, wanted));
  const used = new Set(pair.live.constraints.map((one) => one.name));
  planRenames(context, pair, [
    ...matches.map(({ live, current }) => ({
      kind: 'constraint' as const,
      from: current?.name ?? builtName(pair, live),
      to: live.name,
    })),
    ...kept.map((one) => {
      const to = nameOfAddition(context, pair, one.name, used);
      context.draft.item('foreign key', `${pair.label} ${to}`, 'only on the incoming table: kept');
      context.draft.differences.push({ key: `constraint ${pair.label} ${to}`, why: 'new with the incoming table' });
      return { kind: 'constraint' as const, from: one.name, to };
    }),
  ]);
  dropOutwardKeys(context, pair);
}

function builtName(pair: ExchangePair, live: Constraint): string {
  return temporaryName('key', pair.label, live.name);
}

function hasColumns(context: PlanContext, pair: ExchangePair, one: Constraint): boolean {
  const columns = new Set(pair.incoming.columns.map((column) => column.name));
  const all = context.direction === 'cutover' || one.columns.every((column) => columns.has(column));
  if (!all)
    context.draft.differences.push({ key: `constraint ${pair.label} ${one.name}`, why: 'the backup lacks its column' });
  return all;
}

/** Where the key of a live table has to point when its table is the incoming one: into the set, to its new member. */
function referencedTable(context: PlanContext, live: Constraint): { readonly oid: string; readonly text: string } {
  const own = context.pairs.find((pair) => pair.live.oid === live.references?.oid);
  if (own) return { oid: own.incoming.oid, text: own.before };
  return { oid: live.references?.oid ?? '', text: live.references?.text ?? '' };
}

function splitDefinition(one: Constraint): readonly [string, string] {
  const mark = ` REFERENCES ${one.references?.text ?? ''}(`;
  const at = one.definition.indexOf(mark);
  return [one.definition.slice(0, at), one.definition.slice(at + mark.length)];
}

function definitionWithoutTarget(one: Constraint): string {
  return splitDefinition(one).join('\0');
}

function buildKey(
  { draft, ...context }: PlanContext,
  pair: ExchangePair,
  live: Constraint,
  current: Constraint | undefined,
): void {
  const object = `${pair.label} ${live.name}`;
  const name = identifier(current?.name ?? builtName(pair, live));
  const target = displayName(live.references ?? pair.live);
  if (current) draft.item('foreign key', object, `already on the incoming table, to ${target}`);
  else {
    const [head, tail] = splitDefinition(live);
    const definition = `${head} REFERENCES ${referencedTable({ draft, ...context }, live).text}(${tail}`;
    draft.step(
      'keys',
      'foreign key',
      object,
      `to ${target}: made NOT VALID, then validated`,
      `ALTER TABLE ${pair.before} ADD CONSTRAINT ${name} ${definition} NOT VALID`,
    );
  }
  if (live.comment !== (current?.comment ?? null))
    draft.statement(
      'settings',
      `foreign key ${object}`,
      'comment as on the live table',
      `COMMENT ON CONSTRAINT ${name} ON ${pair.before} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
    );
  if (live.validated && !current?.validated)
    draft.statement(
      'validate',
      `foreign key ${object}`,
      'validated',
      `ALTER TABLE ${pair.before} VALIDATE CONSTRAINT ${name}`,
    );
  if (!live.validated && current?.validated)
    draft.differences.push({
      key: `constraint ${object} validated`,
      why: 'the incoming rows were checked, the live ones never',
    });
}

/**
 * A key only the incoming table has comes along, unless it points at staging or at a table that is about to become the
 * backup: there it would refuse every row that staging has never seen.
 */
function keepsKey(context: PlanContext, pair: ExchangePair, one: Constraint, wanted: readonly Constraint[]): boolean {
  const target = one.references;
  if (!target || context.pairs.some((other) => other.incoming.oid === target.oid)) return true;
  const leaving = context.pairs.some((other) => other.live.oid === target.oid);
  const replaced = wanted.some((live) => live.columns.join('\0') === one.columns.join('\0'));
  if (!leaving && !replaced && !isStaging(context, target)) return true;
  const reason = leaving
    ? 'points at a table that becomes the backup'
    : `points at ${displayName(target)}, which is not in the set`;
  context.draft.step(
    'letGo',
    'foreign key',
    `${displayName(pair.incoming)} ${one.name}`,
    `dropped: it ${reason}`,
    `ALTER TABLE ${pair.before} DROP CONSTRAINT ${identifier(one.name)}`,
  );
  return false;
}

/** The old table must not go on refusing deletes of tables outside the set: its keys to them end, and come back with it. */
function dropOutwardKeys(context: PlanContext, pair: ExchangePair): void {
  for (const one of pair.live.constraints.filter((constraint) => constraint.type === 'f')) {
    if (context.pairs.some((other) => other.live.oid === one.references?.oid)) continue;
    const sql = `ALTER TABLE ${pair.after} DROP CONSTRAINT ${identifier(one.name)}`;
    context.draft.statement(
      'letGo',
      `foreign key ${pair.label} ${one.name}`,
      `the old table no longer refers to ${displayName(one.references ?? pair.live)}`,
      sql,
    );
  }
}

/** Foreign keys of tables outside the set follow the name: dropped and made NOT VALID in the swap, validated after it. */
export function planIncomingKeys(context: PlanContext): void {
  const { draft, catalog } = context;
  for (const key of catalog.incomingKeys) {
    const table = quoteName(key.table);
    const object = `${displayName(key.table)} ${key.name}`;
    const drop = `ALTER TABLE ${table} DROP CONSTRAINT ${identifier(key.name)}`;
    const pair = context.pairs.find((one) => one.live.oid === key.references);
    if (!pair) {
      if (isStaging(context, key.table))
        draft.step(
          'letGo',
          'foreign key',
          object,
          'dropped: a staging table outside the set points at one of the set',
          drop,
        );
      else
        draft.problems.push(`${object} points at an incoming table, and ${displayName(key.table)} is not in the set`);
      continue;
    }
    if (key.partitioned && catalog.serverVersion < 180000)
      draft.problems.push(
        `${object}: ${displayName(key.table)} is partitioned, and PostgreSQL before 18 cannot add its key without reading every row under lock`,
      );
    draft.step('letGo', 'foreign key', object, `re-pointed to the new ${pair.label}`, drop);
    draft.statement(
      'point',
      `foreign key ${object}`,
      'recreated NOT VALID',
      `ALTER TABLE ${table} ADD CONSTRAINT ${identifier(key.name)} ${key.definition} NOT VALID`,
    );
    if (key.comment !== null)
      draft.statement('point', `foreign key ${object}`, 'comment', commentOf(key.name, table, key.comment));
    if (key.validated)
      draft.statement(
        'confirm',
        `foreign key ${object}`,
        'validated',
        `ALTER TABLE ${table} VALIDATE CONSTRAINT ${identifier(key.name)}`,
      );
  }
}

function commentOf(name: string, table: string, text: string): string {
  return `COMMENT ON CONSTRAINT ${identifier(name)} ON ${table} IS ${literal(text)}`;
}
