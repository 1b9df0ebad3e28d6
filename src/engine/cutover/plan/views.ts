import type { View } from '../catalog.ts';
import type { Name } from '../contract.ts';
import { displayName, quoteName } from '../names.ts';
import type { PlanContext } from './context.ts';
import { rebuildMaterializedView } from './materialized.ts';
import { withOptions } from './options.ts';

/**
 * Views hold tables by oid and would go on reading the old ones. Those that read the set themselves are replaced by
 * their own text, which keeps their oid, rights and whatever stands on them; views on views follow by themselves. A
 * materialized view cannot be replaced so: a new one is filled before the swap, and the two change places in it.
 */
export function planViews(scene: PlanContext): void {
  const replaced = new Set(scene.pairs.map((pair) => pair.live.oid));
  const moves = scene.pairs.map((pair): { from: Name; to: Name } => ({ from: pair.live, to: pair.incoming }));
  for (const view of scene.catalog.views) {
    const bound = view.reads.some((oid) => replaced.has(oid));
    const staged = scene.pairs.find((pair) => view.reads.includes(pair.incoming.oid));
    if (bound && staged)
      scene.draft.problems.push(
        `${displayName(view)} reads the live tables and ${displayName(staged.incoming)} too, which goes: drop it, and make it anew afterwards if it is still wanted`,
      );
    if (view.materialized && bound) {
      replaced.add(view.oid);
      moves.push({ from: view, to: rebuildMaterializedView(scene, view, moves) });
    } else if (view.materialized) refreshView(scene, view);
    else if (!bound)
      scene.draft.item('view', displayName(view), 'reads the set through other views: follows by itself');
    else replaceView(scene, view);
  }
}

/** Views and materialized views that are locked: those that hold a table of the set, the outermost first. */
export function boundViews(scene: PlanContext): View[] {
  const replaced = new Set(scene.pairs.map((pair) => pair.live.oid));
  const bound = scene.catalog.views.filter((view) => {
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
      `${object} has no unique index, so it cannot be refreshed beside its readers: do it when it suits`,
    );
  }
}
