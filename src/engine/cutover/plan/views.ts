import type { RelationName } from '../../../contract/cutover.ts';
import { identifier, literal } from '../../../plan/sql.ts';
import type { Index, Statistics, View } from '../catalog.ts';
import { displayName, quoteName, temporaryName } from '../names.ts';
import { optionSteps, withOptions } from './columns.ts';
import type { PlanContext } from './draft.ts';
import { grantSteps } from './grants.ts';

/**
 * Views hold tables by oid and would go on reading the old ones. Those that read the set themselves are replaced by
 * their own text, which keeps their oid, rights and whatever stands on them; views on views follow by themselves. A
 * materialized view cannot be replaced so: a new one is filled before the swap, and the two change places in it.
 */
export function planViews(context: PlanContext): void {
  const replaced = new Set(context.pairs.map((pair) => pair.live.oid));
  const moves = context.pairs.map((pair): { from: RelationName; to: RelationName } => ({
    from: pair.live,
    to: pair.incoming,
  }));
  for (const view of context.catalog.views) {
    const bound = view.reads.some((oid) => replaced.has(oid));
    const staged = context.pairs.find((pair) => view.reads.includes(pair.incoming.oid));
    if (bound && staged)
      context.draft.problems.push(
        `${displayName(view)} reads the live tables and ${displayName(staged.incoming)} too, which will not be there afterwards: drop it, and create it again after the cutover if it is still needed`,
      );
    if (view.materialized && bound) {
      replaced.add(view.oid);
      moves.push({ from: view, to: rebuildMaterializedView(context, view, moves) });
    } else if (view.materialized) refreshView(context, view);
    else if (!bound)
      context.draft.item('view', displayName(view), 'reads the set through other views: follows by itself');
    else replaceView(context, view);
  }
}

/** Views and materialized views that are locked: those that hold a table of the set, the outermost first. */
export function boundViews(context: PlanContext): View[] {
  const replaced = new Set(context.pairs.map((pair) => pair.live.oid));
  const bound = context.catalog.views.filter((view) => {
    const holds = view.reads.some((oid) => replaced.has(oid));
    if (holds && view.materialized) replaced.add(view.oid);
    return holds;
  });
  return bound.reverse();
}

function replaceView({ draft }: PlanContext, view: View): void {
  const sql = `CREATE OR REPLACE VIEW ${quoteName(view)}${withOptions(view.options)} AS ${view.definition}`;
  draft.step('views', 'view', displayName(view), 'replaced by its own text, so that it reads the new tables', sql);
}

function refreshView({ draft }: PlanContext, view: View): void {
  const object = displayName(view);
  const unique = view.indexes.some((index) => index.unique && !index.tail.includes(' WHERE '));
  if (!view.populated) draft.item('materialized view', object, 'not populated: left as it is');
  else if (unique) {
    const sql = `REFRESH MATERIALIZED VIEW CONCURRENTLY ${quoteName(view)}`;
    draft.step('refresh', 'materialized view', object, 'refreshed after the swap, readers go on', sql);
  } else {
    draft.item('materialized view', object, 'keeps its contents until it is refreshed');
    draft.warnings.push(
      `${object} has no unique index, so it cannot be refreshed while it is read: refresh it when its readers can wait`,
    );
  }
}

type AddStatement = (place: Parameters<PlanContext['draft']['statement']>[0], action: string, sql: string) => void;

/** The name a materialized view is built under before the swap. */
export function temporaryViewName(stamp: string, view: RelationName): RelationName {
  return { schema: view.schema, name: temporaryName('materialized', stamp, displayName(view)) };
}

/**
 * A new one is filled beside the old one and takes its place in the swap. Every statement of the preparation may be
 * made again: a cutover that is held is prepared a second time when it goes, and filled with what is there then.
 */
function rebuildMaterializedView(
  { draft, stamp }: PlanContext,
  view: View,
  moves: readonly { from: RelationName; to: RelationName }[],
): RelationName {
  const made = temporaryViewName(stamp, view);
  const old = { schema: view.schema, name: temporaryName('dematerialized', stamp, displayName(view)) };
  const addStatement: AddStatement = (place, action, sql) =>
    draft.statement(place, `materialized view ${displayName(view)}`, action, sql);
  draft.step(
    'rebuild',
    'materialized view',
    displayName(view),
    'a new one is filled before, and takes its place',
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${quoteName(made)}${withOptions(view.options)} AS ${rewriteRelations(view.definition, moves)} WITH NO DATA`,
  );
  for (const index of view.indexes) rebuildIndex(addStatement, stamp, view, made, index);
  rebuildColumns(addStatement, view, made);
  for (const one of view.statistics) rebuildStatistics(addStatement, stamp, view, made, one);
  grantRights(addStatement, view, made);
  if (view.comment !== null)
    addStatement('rebuild', 'comment', `COMMENT ON MATERIALIZED VIEW ${quoteName(made)} IS ${literal(view.comment)}`);
  if (view.populated) addStatement('rebuild', 'filled', `REFRESH MATERIALIZED VIEW ${quoteName(made)}`);
  addStatement('rebuild', 'analyzed', `ANALYZE ${quoteName(made)}`);
  const alter = `ALTER MATERIALIZED VIEW ${quoteName(view)}`;
  addStatement('rematerialize', 'old one aside', `${alter} RENAME TO ${identifier(old.name)}`);
  addStatement(
    'rematerialize',
    'new one in place',
    `ALTER MATERIALIZED VIEW ${quoteName(made)} RENAME TO ${identifier(view.name)}`,
  );
  addStatement('rematerialize', 'owner', `${alter} OWNER TO ${identifier(view.owner)}`);
  addStatement('discard', 'old one dropped: it can be made again', `DROP MATERIALIZED VIEW ${quoteName(old)}`);
  return made;
}

/** Exactly the rights of the old view: default privileges of its schema have given the new one others. */
function grantRights(addStatement: AddStatement, view: View, made: RelationName): void {
  const name = quoteName(made);
  addStatement(
    'rebuild',
    'grants',
    `DO $rights$ DECLARE grantee text; BEGIN
  FOR grantee IN SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
    FROM pg_catalog.pg_class c, pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a
    WHERE c.oid = ${literal(name)}::regclass
  LOOP EXECUTE pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s CASCADE', ${literal(name)}, grantee); END LOOP;
END $rights$`,
  );
  const on = { target: `TABLE ${name}`, columns: '', schema: view.schema, owner: view.owner };
  for (const sql of grantSteps(on, view.grants, [])) addStatement('rebuild', 'grants', sql);
  for (const column of view.columns) {
    const own = { ...on, columns: ` (${identifier(column.name)})` };
    for (const sql of grantSteps(own, column.grants, [])) addStatement('rebuild', 'grants', sql);
  }
}

function rebuildIndex(
  addStatement: AddStatement,
  stamp: string,
  { schema, ...view }: View,
  made: RelationName,
  index: Index,
): void {
  const label = displayName({ schema, name: view.name });
  const name = temporaryName('materialized', stamp, label, index.name);
  const aside = temporaryName('dematerialized', stamp, label, index.name);
  const unique = index.unique ? 'UNIQUE ' : '';
  const own = quoteName({ schema, name });
  addStatement(
    'rebuild',
    'index',
    `CREATE ${unique}INDEX IF NOT EXISTS ${identifier(name)} ON ${quoteName(made)} ${index.tail}`,
  );
  for (const [column, target] of index.targets)
    addStatement('rebuild', 'index', `ALTER INDEX ${own} ALTER COLUMN ${column} SET STATISTICS ${target}`);
  if (index.comment !== null)
    addStatement('rebuild', 'comment', `COMMENT ON INDEX ${own} IS ${literal(index.comment)}`);
  if (index.isClustered)
    addStatement('rebuild', 'clustering', `ALTER MATERIALIZED VIEW ${quoteName(made)} CLUSTER ON ${identifier(name)}`);
  const live = quoteName({ schema, name: index.name });
  addStatement('rematerialize', 'old index', `ALTER INDEX ${live} RENAME TO ${identifier(aside)}`);
  addStatement('rematerialize', 'index', `ALTER INDEX ${own} RENAME TO ${identifier(index.name)}`);
}

const storages: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' };

function rebuildColumns(addStatement: AddStatement, view: View, made: RelationName): void {
  for (const column of view.columns) {
    const name = identifier(column.name);
    const alter = (what: string) =>
      addStatement('rebuild', 'column', `ALTER MATERIALIZED VIEW ${quoteName(made)} ALTER COLUMN ${name} ${what}`);
    if (column.statistics >= 0) alter(`SET STATISTICS ${column.statistics}`);
    // Its type's own storage is what it has already, and PLAIN is all that some types may have.
    if (column.storage !== 'p') alter(`SET STORAGE ${storages[column.storage] ?? 'EXTENDED'}`);
    for (const what of optionSteps(column.options, [])) alter(what);
    if (column.comment !== null)
      addStatement('rebuild', 'comment', `COMMENT ON COLUMN ${quoteName(made)}.${name} IS ${literal(column.comment)}`);
  }
}

/** Made under a temporary name; the old ones go with the old view, and then theirs is free. */
function rebuildStatistics(
  addStatement: AddStatement,
  stamp: string,
  view: View,
  made: RelationName,
  one: Statistics,
): void {
  const name = { schema: one.schema, name: temporaryName('materialized', stamp, displayName(view), displayName(one)) };
  addStatement(
    'rebuild',
    'extended statistics',
    `CREATE STATISTICS IF NOT EXISTS ${quoteName(name)} ${one.body} FROM ${quoteName(made)}`,
  );
  if (one.target >= 0)
    addStatement('rebuild', 'extended statistics', `ALTER STATISTICS ${quoteName(name)} SET STATISTICS ${one.target}`);
  if (one.comment !== null)
    addStatement('rebuild', 'comment', `COMMENT ON STATISTICS ${quoteName(name)} IS ${literal(one.comment)}`);
  addStatement(
    'counters',
    'extended statistics',
    `ALTER STATISTICS ${quoteName(name)} RENAME TO ${identifier(one.name)}`,
  );
}

// A string, a quoted name, a word, or any one character. Deparsed SQL holds no comments and no dollar quotes.
const tokenPattern = /[eE]?'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+|[\s\S]/g;

/**
 * A query as PostgreSQL deparses it, reading other relations: `public.users` becomes `staging.users AS users`. Only for
 * what must be built before the names change; whether the result reads what it should is seen in the catalog afterwards,
 * where its text must be the same as before.
 */
export function rewriteRelations(
  query: string,
  moves: readonly { readonly from: RelationName; readonly to: RelationName }[],
): string {
  const tokens = query.match(tokenPattern) ?? [];
  const out: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const move =
      tokens[at + 1] === '.' && opensRelation(tokens, at) && moves.find((one) => matchesName(tokens, at, one.from));
    if (!move) {
      out.push(tokens[at] ?? '');
      continue;
    }
    // The alias as the text writes the name, so that a text that had it and one that gets it become the same.
    out.push(quoteName(move.to), hasAlias(tokens, at + 3) ? '' : ` ${tokens[at + 2]}`);
    at += 2;
  }
  return out.join('');
}

function matchesName(tokens: readonly string[], at: number, name: RelationName): boolean {
  return unquoteName(tokens[at]) === name.schema && unquoteName(tokens[at + 2]) === name.name;
}

function unquoteName(text = ''): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

// A relation stands behind FROM, JOIN, ONLY, LATERAL, a comma or a bracket; a column `alias.column` may only look like one.
function opensRelation(tokens: readonly string[], at: number): boolean {
  const before = tokens.slice(0, at).findLast((one) => one.trim() !== '');
  return before !== undefined && /^(FROM|JOIN|ONLY|,|\()$/.test(before);
}

// Keywords are deparsed in capitals; an alias is in small letters or quoted.
function hasAlias(tokens: readonly string[], at: number): boolean {
  const next = tokens.slice(at).find((one) => one.trim() !== '') ?? '';
  return next.startsWith('"') || /^[a-z_\u0080-\uffff]/.test(next);
}
