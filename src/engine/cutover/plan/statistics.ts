import { identifier, literal } from '../../../plan/sql.ts';
import { quoteName, temporaryName } from '../names.ts';
import type { ExchangePair, PlanContext } from './draft.ts';
import { foreignNames, freeName, matchByDefinition } from './renames.ts';

/**
 * Extended statistics. They do not move with their table, so each is moved by itself: the old one out of the way first,
 * since the new one needs its name.
 */
export function planStatistics(context: PlanContext, pair: ExchangePair): void {
  const { draft } = context;
  for (const one of pair.live.statistics) moveAside(context, pair, quoteName(one), one.name);
  const { matches, added } = matchByDefinition(
    pair.live.statistics,
    pair.incoming.statistics,
    (a, b) => a.body === b.body,
  );
  for (const { live, current } of matches) {
    const object = `${pair.label} ${live.name}`;
    const at = current ?? { schema: pair.incoming.schema, name: temporaryName('statistics', pair.label, live.name) };
    if (current) draft.item('extended statistics', object, 'already on the incoming table');
    else
      draft.step(
        'build',
        'extended statistics',
        object,
        'made on the incoming table',
        `CREATE STATISTICS ${quoteName(at)} ${live.body} FROM ${pair.before}`,
      );
    if (live.target !== (current?.target ?? -1))
      draft.statement(
        'settings',
        `statistics ${object}`,
        'target',
        `ALTER STATISTICS ${quoteName(at)} SET STATISTICS ${live.target}`,
      );
    if (live.comment !== (current?.comment ?? null))
      draft.statement(
        'settings',
        `statistics ${object}`,
        'comment',
        `COMMENT ON STATISTICS ${quoteName(at)} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
      );
    moveIntoPlace(context, at, live);
  }
  for (const one of added) {
    const name = freeName(
      one.name,
      '',
      new Set([...foreignNames(context, pair), ...pair.live.statistics.map((other) => other.name)]),
    );
    draft.item('extended statistics', `${pair.label} ${name}`, 'only on the incoming table: kept');
    draft.differences.push({ key: `statistics ${pair.label} ${name}`, why: 'new with the incoming table' });
    moveIntoPlace(context, one, { schema: pair.live.schema, name });
  }
}

type StatisticsName = { readonly schema: string; readonly name: string };

/** By a temporary name, for the final one may be in use in the schema it comes from. */
function moveIntoPlace({ draft }: PlanContext, from: StatisticsName, to: StatisticsName): void {
  const between = temporaryName('landing', to.schema, to.name);
  const step = (place: 'rename' | 'name', sql: string) =>
    draft.statement(place, `statistics ${to.schema}.${to.name}`, 'moves with its table', sql);
  step('rename', `ALTER STATISTICS ${quoteName(from)} RENAME TO ${identifier(between)}`);
  if (from.schema !== to.schema)
    step(
      'name',
      `ALTER STATISTICS ${quoteName({ schema: from.schema, name: between })} SET SCHEMA ${identifier(to.schema)}`,
    );
  step('name', `ALTER STATISTICS ${quoteName({ schema: to.schema, name: between })} RENAME TO ${identifier(to.name)}`);
}

function moveAside({ draft, stamp }: PlanContext, pair: ExchangePair, sql: string, name: string): void {
  const { displaced, live } = pair.exchange;
  const object = `statistics ${pair.label} ${name}`;
  const unique = temporaryName('aside', stamp, pair.label, name);
  draft.statement(
    'displace',
    object,
    'goes with the old table',
    `ALTER STATISTICS ${sql} RENAME TO ${identifier(unique)}`,
  );
  if (displaced.schema !== live.schema)
    draft.statement(
      'displace',
      object,
      'goes with the old table',
      `ALTER STATISTICS ${quoteName({ schema: live.schema, name: unique })} SET SCHEMA ${identifier(displaced.schema)}`,
    );
}
