import type { Plan, Source, TargetReader } from '../plan/contract.ts';
import { identifier, qualified, type SqlPort } from '../plan/sql.ts';
import type { UpstreamFactory } from '../plan/upstream.ts';
import { entityOf } from './contexts.ts';
import { planSettings } from './plan-settings.ts';
import type { Run, SourceFactory } from './ports.ts';

export interface SourceFactoryDeps {
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly upstreams: UpstreamFactory;
  /** The target database, for sources that read what was loaded before. */
  readonly target?: SqlPort | undefined;
}

/**
 * Builds a plan's sources from this process's environment. A source is built once for each entity of each run and kept
 * while the run is worked on, so that what it keeps (connections, a survey of a file) is kept with it.
 */
export function createSourceFactory(deps: SourceFactoryDeps): SourceFactory {
  const made = new Map<string, Source>();
  return (plan, run, entity) => {
    const key = `${run.id}/${entity}`;
    const known = made.get(key);
    if (known) return known;
    const source = build(deps, plan, run, entity);
    if (made.size >= 500) made.delete(made.keys().next().value as string);
    made.set(key, source);
    return source;
  };
}

function build(deps: SourceFactoryDeps, plan: Plan, run: Run, entity: string): Source {
  const source = entityOf(plan, entity).source({
    entity,
    settings: planSettings(plan, deps.settings),
    params: run.params,
    upstreams: deps.upstreams,
    target: deps.target && targetReader(deps.target, run.targetSchema),
  });
  const tables = (entityOf(plan, entity).readsAfter ?? []).map((parent) => entityOf(plan, parent).target.table);
  return deps.target && tables.length > 0 ? analysed(source, deps.target, run.targetSchema, tables) : source;
}

/** Tables that were filled a moment ago have no statistics, and a join of them may be planned for one row and meet thousands. */
function analysed(source: Source, sql: SqlPort, schema: string, tables: readonly string[]): Source {
  const names = [...new Set(tables)].map((table) => qualified(schema, table)).join(', ');
  return {
    ...source,
    async read(cursor, scope, signal) {
      if (cursor === null && scope.ids === undefined) await sql.query(undefined, `ANALYZE ${names}`, []);
      return source.read(cursor, scope, signal);
    },
  };
}

/** The target database as a plan sees it. */
export function targetReader(sql: SqlPort, schema: string): TargetReader {
  // A function, because a replacement text with `$&` in it would be read as a pattern.
  return {
    query: (text, values) =>
      sql.query(
        undefined,
        text.replaceAll('{schema}', () => identifier(schema)),
        values,
      ),
  };
}
