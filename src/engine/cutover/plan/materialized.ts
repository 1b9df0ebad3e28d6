import { identifier, literal } from '../../../plan/sql.ts';
import type { Index, Statistics, View } from '../catalog.ts';
import type { Name } from '../contract.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import type { PlanContext } from './context.ts';
import { grantSteps } from './grants.ts';
import { optionSteps, withOptions } from './options.ts';
import { rewriteRelations } from './rewrite.ts';

type AddStatement = (place: Parameters<PlanContext['draft']['statement']>[0], action: string, sql: string) => void;

/** The name a materialized view is built under before the swap. */
export function temporaryViewName(stamp: string, view: Name): Name {
  return { schema: view.schema, name: temporaryName('materialized', stamp, displayName(view)) };
}

/**
 * A new one is filled beside the old one and takes its place in the swap. Every statement of the preparation may be
 * made again: a cutover that is held is prepared a second time when it goes, and filled with what is there then.
 */
export function rebuildMaterializedView(
  { draft, stamp }: PlanContext,
  view: View,
  moves: readonly { from: Name; to: Name }[],
): Name {
  const made = temporaryViewName(stamp, view);
  const old = { schema: view.schema, name: temporaryName('dematerialized', stamp, displayName(view)) };
  const silent: AddStatement = (place, action, sql) =>
    draft.statement(place, `materialized view ${displayName(view)}`, action, sql);
  draft.step(
    'rebuild',
    'materialized view',
    displayName(view),
    'a new one is filled before, and takes its place',
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${quoteName(made)}${withOptions(view.options)} AS ${rewriteRelations(view.definition, moves)} WITH NO DATA`,
  );
  for (const index of view.indexes) rebuildIndex(silent, stamp, view, made, index);
  rebuildColumns(silent, view, made);
  for (const one of view.statistics) rebuildStatistics(silent, stamp, view, made, one);
  if (view.populated) silent('rebuild', 'filled', `REFRESH MATERIALIZED VIEW ${quoteName(made)}`);
  silent('rebuild', 'analyzed', `ANALYZE ${quoteName(made)}`);
  const alter = `ALTER MATERIALIZED VIEW ${quoteName(view)}`;
  silent('rematerialize', 'old one aside', `${alter} RENAME TO ${identifier(old.name)}`);
  silent(
    'rematerialize',
    'new one in place',
    `ALTER MATERIALIZED VIEW ${quoteName(made)} RENAME TO ${identifier(view.name)}`,
  );
  silent('rematerialize', 'owner', `${alter} OWNER TO ${identifier(view.owner)}`);
  for (const sql of grantSteps({ target: `TABLE ${quoteName(view)}`, columns: '' }, view.grants, []))
    silent('rematerialize', 'grants', sql);
  for (const { name, grants } of view.columns)
    for (const sql of grantSteps({ target: `TABLE ${quoteName(view)}`, columns: ` (${identifier(name)})` }, grants, []))
      silent('rematerialize', 'grants', sql);
  if (view.comment !== null)
    silent('rematerialize', 'comment', `COMMENT ON MATERIALIZED VIEW ${quoteName(view)} IS ${literal(view.comment)}`);
  silent('discard', 'old one dropped: it can be made again', `DROP MATERIALIZED VIEW ${quoteName(old)}`);
  return made;
}

function rebuildIndex(silent: AddStatement, stamp: string, { schema, ...view }: View, made: Name, index: Index): void {
  const label = displayName({ schema, name: view.name });
  const name = temporaryName('materialized', stamp, label, index.name);
  const aside = temporaryName('dematerialized', stamp, label, index.name);
  const unique = index.unique ? 'UNIQUE ' : '';
  const own = quoteName({ schema, name });
  silent(
    'rebuild',
    'index',
    `CREATE ${unique}INDEX IF NOT EXISTS ${identifier(name)} ON ${quoteName(made)} ${index.tail}`,
  );
  for (const [column, target] of index.targets)
    silent('rebuild', 'index', `ALTER INDEX ${own} ALTER COLUMN ${column} SET STATISTICS ${target}`);
  if (index.comment !== null) silent('rebuild', 'comment', `COMMENT ON INDEX ${own} IS ${literal(index.comment)}`);
  if (index.isClustered)
    silent('rebuild', 'clustering', `ALTER MATERIALIZED VIEW ${quoteName(made)} CLUSTER ON ${identifier(name)}`);
  const live = quoteName({ schema, name: index.name });
  silent('rematerialize', 'old index', `ALTER INDEX ${live} RENAME TO ${identifier(aside)}`);
  silent('rematerialize', 'index', `ALTER INDEX ${own} RENAME TO ${identifier(index.name)}`);
}

const storages: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' };

function rebuildColumns(silent: AddStatement, view: View, made: Name): void {
  for (const column of view.columns) {
    const name = identifier(column.name);
    const alter = (what: string) =>
      silent('rebuild', 'column', `ALTER MATERIALIZED VIEW ${quoteName(made)} ALTER COLUMN ${name} ${what}`);
    if (column.statistics >= 0) alter(`SET STATISTICS ${column.statistics}`);
    // Its type's own storage is what it has already, and PLAIN is all that some types may have.
    if (column.storage !== 'p') alter(`SET STORAGE ${storages[column.storage] ?? 'EXTENDED'}`);
    for (const what of optionSteps(column.options, [])) alter(what);
    if (column.comment !== null)
      silent('rebuild', 'comment', `COMMENT ON COLUMN ${quoteName(made)}.${name} IS ${literal(column.comment)}`);
  }
}

/** Made under a passing name; the old ones go with the old view, and then theirs is free. */
function rebuildStatistics(silent: AddStatement, stamp: string, view: View, made: Name, one: Statistics): void {
  const name = { schema: one.schema, name: temporaryName('materialized', stamp, displayName(view), displayName(one)) };
  silent(
    'rebuild',
    'extended statistics',
    `CREATE STATISTICS IF NOT EXISTS ${quoteName(name)} ${one.body} FROM ${quoteName(made)}`,
  );
  if (one.target >= 0)
    silent('rebuild', 'extended statistics', `ALTER STATISTICS ${quoteName(name)} SET STATISTICS ${one.target}`);
  if (one.comment !== null)
    silent('rebuild', 'comment', `COMMENT ON STATISTICS ${quoteName(name)} IS ${literal(one.comment)}`);
  silent('counters', 'extended statistics', `ALTER STATISTICS ${quoteName(name)} RENAME TO ${identifier(one.name)}`);
}
