import { identifier } from '../../../plan/sql.ts';
import type { View } from '../catalog.ts';
import type { Name } from '../contract.ts';
import { literal, passing, quote, shown } from '../names.ts';
import type { Scene } from './context.ts';
import { grantSteps } from './grants.ts';
import { withOptions } from './options.ts';
import { rewriteRelations } from './rewrite.ts';

/**
 * Views hold tables by oid and would go on reading the old ones. Those that read the set themselves are replaced by
 * their own text, which keeps their oid, rights and whatever stands on them; views on views follow by themselves. A
 * materialized view cannot be replaced so: a new one is filled before the swap, and the two change places in it.
 */
export function planViews(scene: Scene): void {
  const replaced = new Set(scene.pairs.map((pair) => pair.live.oid));
  const moves = scene.pairs.map((pair): { from: Name; to: Name } => ({ from: pair.live, to: pair.incoming }));
  for (const view of scene.catalog.views) {
    const bound = view.reads.some((oid) => replaced.has(oid));
    if (view.materialized && bound) {
      replaced.add(view.oid);
      moves.push({ from: view, to: rebuild(scene, view, moves) });
    } else if (view.materialized) refresh(scene, view);
    else if (!bound) scene.draft.item('view', shown(view), 'reads the set through other views: follows by itself');
    else replace(scene, view);
  }
}

/** Views and materialized views that are locked: those that hold a table of the set, the outermost first. */
export function boundViews(scene: Scene): View[] {
  const replaced = new Set(scene.pairs.map((pair) => pair.live.oid));
  const bound = scene.catalog.views.filter((view) => {
    const holds = view.reads.some((oid) => replaced.has(oid));
    if (holds && view.materialized) replaced.add(view.oid);
    return holds;
  });
  return bound.reverse();
}

function replace({ draft }: Scene, view: View): void {
  const sql = `CREATE OR REPLACE VIEW ${quote(view)}${withOptions(view.options)} AS ${view.definition}`;
  draft.step('views', 'view', shown(view), 'replaced by its own text, so that it reads the new tables', sql);
}

function rebuild({ draft, stamp }: Scene, view: View, moves: readonly { from: Name; to: Name }[]): Name {
  const object = `materialized view ${shown(view)}`;
  const made = { schema: view.schema, name: passing('materialized', stamp, shown(view)) };
  const old = { schema: view.schema, name: passing('dematerialized', stamp, shown(view)) };
  const query = rewriteRelations(view.definition, moves);
  const data = view.populated ? '' : ' WITH NO DATA';
  draft.step(
    'rebuild',
    'materialized view',
    shown(view),
    'a new one is filled before, and takes its place',
    `CREATE MATERIALIZED VIEW ${quote(made)}${withOptions(view.options)} AS ${query}${data}`,
  );
  for (const index of view.indexes) {
    const name = passing('materialized', stamp, shown(view), index.name);
    draft.silent(
      'rebuild',
      object,
      'index',
      `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${identifier(name)} ON ${quote(made)} ${index.tail}`,
    );
    draft.silent(
      'rematerialize',
      object,
      'old index',
      `ALTER INDEX ${quote({ schema: view.schema, name: index.name })} RENAME TO ${identifier(passing('dematerialized', stamp, shown(view), index.name))}`,
    );
    draft.silent(
      'rematerialize',
      object,
      'index',
      `ALTER INDEX ${quote({ schema: view.schema, name })} RENAME TO ${identifier(index.name)}`,
    );
    if (index.comment !== null)
      draft.silent(
        'rematerialize',
        object,
        'comment',
        `COMMENT ON INDEX ${quote({ schema: view.schema, name: index.name })} IS ${literal(index.comment)}`,
      );
  }
  draft.silent('rebuild', object, 'analyzed', `ANALYZE ${quote(made)}`);
  draft.silent(
    'rematerialize',
    object,
    'old one aside',
    `ALTER MATERIALIZED VIEW ${quote(view)} RENAME TO ${identifier(old.name)}`,
  );
  draft.silent(
    'rematerialize',
    object,
    'new one in place',
    `ALTER MATERIALIZED VIEW ${quote(made)} RENAME TO ${identifier(view.name)}`,
  );
  draft.silent(
    'rematerialize',
    object,
    'owner',
    `ALTER MATERIALIZED VIEW ${quote(view)} OWNER TO ${identifier(view.owner)}`,
  );
  for (const sql of grantSteps({ target: `TABLE ${quote(view)}`, columns: '' }, view.grants, []))
    draft.silent('rematerialize', object, 'grants', sql);
  if (view.comment !== null)
    draft.silent(
      'rematerialize',
      object,
      'comment',
      `COMMENT ON MATERIALIZED VIEW ${quote(view)} IS ${literal(view.comment)}`,
    );
  draft.silent('discard', object, 'old one dropped: it can be made again', `DROP MATERIALIZED VIEW ${quote(old)}`);
  return made;
}

function refresh({ draft }: Scene, view: View): void {
  const object = shown(view);
  const unique = view.indexes.some((index) => index.unique && !index.tail.includes(' WHERE '));
  if (!view.populated) draft.item('materialized view', object, 'not populated: left as it is');
  else if (unique) {
    const sql = `REFRESH MATERIALIZED VIEW CONCURRENTLY ${quote(view)}`;
    draft.step('refresh', 'materialized view', object, 'refreshed after the swap, readers go on', sql);
  } else {
    draft.item('materialized view', object, 'keeps its contents until it is refreshed');
    draft.warnings.push(
      `${object} has no unique index, so it cannot be refreshed beside its readers: do it when it suits`,
    );
  }
}
