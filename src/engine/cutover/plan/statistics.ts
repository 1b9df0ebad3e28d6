import { identifier } from '../../../plan/sql.ts';
import { literal, passing, quote } from '../names.ts';
import type { Pair, Scene } from './context.ts';
import { matchUp } from './matching.ts';
import { foreign, freeName } from './renames.ts';

/**
 * Extended statistics. They do not move with their table, so each is moved by itself: the old one out of the way first,
 * since the new one needs its name.
 */
export function planStatistics(scene: Scene, pair: Pair): void {
  const { draft } = scene;
  for (const one of pair.live.statistics) aside(scene, pair, quote(one), one.name);
  const { matches, added } = matchUp(pair.live.statistics, pair.incoming.statistics, (a, b) => a.body === b.body);
  for (const { live, current } of matches) {
    const object = `${pair.label} ${live.name}`;
    const at = current ?? { schema: pair.incoming.schema, name: passing('statistics', pair.label, live.name) };
    if (current) draft.item('extended statistics', object, 'already on the incoming table');
    else
      draft.step(
        'build',
        'extended statistics',
        object,
        'made on the incoming table',
        `CREATE STATISTICS ${quote(at)} ${live.body} FROM ${pair.before}`,
      );
    if (live.target !== (current?.target ?? -1))
      draft.silent(
        'settings',
        `statistics ${object}`,
        'target',
        `ALTER STATISTICS ${quote(at)} SET STATISTICS ${live.target}`,
      );
    if (live.comment !== (current?.comment ?? null))
      draft.silent(
        'settings',
        `statistics ${object}`,
        'comment',
        `COMMENT ON STATISTICS ${quote(at)} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
      );
    land(scene, at, live);
  }
  for (const one of added) {
    const name = freeName(
      one.name,
      '',
      new Set([...foreign(scene, pair), ...pair.live.statistics.map((other) => other.name)]),
    );
    draft.item('extended statistics', `${pair.label} ${name}`, 'only on the incoming table: comes along');
    draft.differences.push({ key: `statistics ${pair.label} ${name}`, why: 'new with the incoming table' });
    land(scene, one, { schema: pair.live.schema, name });
  }
}

type Place = { readonly schema: string; readonly name: string };

/** By a passing name, for the final one may be in use in the schema it comes from. */
function land({ draft }: Scene, from: Place, to: Place): void {
  const between = passing('landing', to.schema, to.name);
  const step = (place: 'rename' | 'name', sql: string) =>
    draft.silent(place, `statistics ${to.schema}.${to.name}`, 'moves with its table', sql);
  step('rename', `ALTER STATISTICS ${quote(from)} RENAME TO ${identifier(between)}`);
  if (from.schema !== to.schema)
    step(
      'name',
      `ALTER STATISTICS ${quote({ schema: from.schema, name: between })} SET SCHEMA ${identifier(to.schema)}`,
    );
  step('name', `ALTER STATISTICS ${quote({ schema: to.schema, name: between })} RENAME TO ${identifier(to.name)}`);
}

function aside({ draft, stamp }: Scene, pair: Pair, sql: string, name: string): void {
  const { displaced, live } = pair.exchange;
  const object = `statistics ${pair.label} ${name}`;
  const unique = passing('aside', stamp, pair.label, name);
  draft.silent(
    'displace',
    object,
    'goes with the old table',
    `ALTER STATISTICS ${sql} RENAME TO ${identifier(unique)}`,
  );
  if (displaced.schema !== live.schema)
    draft.silent(
      'displace',
      object,
      'goes with the old table',
      `ALTER STATISTICS ${quote({ schema: live.schema, name: unique })} SET SCHEMA ${identifier(displaced.schema)}`,
    );
}
