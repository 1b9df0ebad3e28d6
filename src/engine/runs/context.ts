import { DroverError } from '../../errors.ts';
import type { Entity, Plan, Source, TargetReader } from '../../plan/contract.ts';
import { identifier, qualified, type SqlPort } from '../../plan/sql.ts';
import type { TargetScope } from '../../plan/target.ts';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import type { Run, RunEntity, SourceFactory } from '../ledger/types.ts';
import type { RunStore } from './store.ts';
import { createWorkspace } from './workspace.sql.ts';

/** A run with its plan, as it was at most `maxAgeMs` ago. */
export interface RunContext {
  readonly run: Run;
  readonly plan: Plan;
  readonly entities: ReadonlyMap<string, RunEntity>;
}

export interface RunContexts {
  /**
   * `fresh`: as it is now, and not as it was a moment ago. Throws NOT_FOUND for an unknown run and PLAN_VERSION when the run
   * was started under another version.
   */
  get(runId: string, options?: { readonly fresh: boolean }): Promise<RunContext>;
}

/** Keeps run contexts for a moment: hundreds of jobs a second ask for the same few runs. */
export function createRunContexts(deps: {
  readonly store: RunStore;
  readonly plan: (name: string) => Plan;
  readonly maxAgeMs: number;
}): RunContexts {
  const cache = new Map<string, { readonly at: number; readonly context: Promise<RunContext> }>();

  async function read(runId: string): Promise<RunContext> {
    const run = await deps.store.find(runId);
    if (!run) throw new DroverError('NOT_FOUND', `there is no run ${runId}`);
    const plan = deps.plan(run.plan);
    assertVersion(run, plan);
    const entities = await deps.store.entities(runId);
    return { run, plan, entities: new Map(entities.map((entity) => [entity.entity, entity])) };
  }

  return {
    get(runId, { fresh } = { fresh: false }) {
      const known = cache.get(runId);
      if (!fresh && known && Date.now() - known.at < deps.maxAgeMs) return known.context;
      const context = read(runId);
      cache.set(runId, { at: Date.now(), context });
      context.catch(() => cache.delete(runId));
      if (cache.size > 1_000) cache.delete(cache.keys().next().value as string);
      return context;
    },
  };
}

/** The entity's definition. Throws NOT_FOUND. */
export function entityOf(plan: Plan, name: string): Entity {
  const entity = plan.entities[name];
  if (!entity) throw new DroverError('NOT_FOUND', `plan ${plan.name} has no entity ${name}`);
  return entity;
}

type RunVersion = Pick<Run, 'id' | 'plan' | 'version'>;

/** True when the installed version of the plan is not the one the run was started under. */
export function isDifferentVersion(run: RunVersion, plan: Pick<Plan, 'version'>): boolean {
  return plan.version !== run.version;
}

/**
 * A run continues under the version of the plan it was started under, or not at all: rows made by two mappings would be
 * right by neither. Throws PLAN_VERSION with the two ways forward.
 */
export function assertVersion(run: RunVersion, plan: Pick<Plan, 'version'>): void {
  if (!isDifferentVersion(run, plan)) return;
  const message = `run ${run.id} was started under ${run.plan}@${run.version}, this is ${run.plan}@${plan.version}`;
  throw new DroverError('PLAN_VERSION', message, {
    remedy: `Start a new run (rows that are in the target already are recognized and not duplicated), or finish this one with API and workers that have ${run.plan}@${run.version}.`,
  });
}

type Settings = Readonly<Record<string, string | undefined>>;

/** What a plan reads of the environment. Throws CONFIGURATION naming every setting that is wrong. */
export function planSettings(plan: Plan, environment: Settings): Settings {
  const settings = plan.settings.safeParse(environment);
  if (settings.success) return settings.data;
  const problems = settings.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new DroverError('CONFIGURATION', `settings of plan ${plan.name}: ${problems}`);
}

/** Where the rows of an entity go in a run. */
export function targetScope(run: Pick<Run, 'id' | 'targetSchema'>, plan: Plan, entity: string): TargetScope {
  const definition = entityOf(plan, entity);
  const { table } = definition.target;
  const neighbours = Object.entries(plan.entities).filter(
    ([name, { target }]) => name !== entity && target.table === table,
  );
  return {
    runId: run.id,
    plan: plan.name,
    entity,
    targetSchema: run.targetSchema,
    definition,
    sharingEntities: neighbours.map(([name]) => name),
  };
}

/** Identities are kept per plan and target schema: the same source may be moved to two places. */
export const identityScope = (plan: string, targetSchema: string): string => `${plan}/${targetSchema}`;

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
    const source = buildSource(deps, plan, run, entity);
    if (made.size >= 500) made.delete(made.keys().next().value as string);
    made.set(key, source);
    return source;
  };
}

function buildSource(deps: SourceFactoryDeps, plan: Plan, run: Run, entity: string): Source {
  const source = entityOf(plan, entity).source({
    entity,
    settings: planSettings(plan, deps.settings),
    params: run.params,
    upstreams: deps.upstreams,
    target: deps.target && targetReader(deps.target, run.targetSchema),
    workspace: deps.target && createWorkspace(deps.target, run.id),
  });
  const tables = (entityOf(plan, entity).readsAfter ?? []).map((parent) => entityOf(plan, parent).target.table);
  return deps.target && tables.length > 0 ? analyzeBeforeRead(source, deps.target, run.targetSchema, tables) : source;
}

/** Tables that were filled a moment ago have no statistics, and a join of them may be planned for one row and meet thousands. */
function analyzeBeforeRead(source: Source, sql: SqlPort, schema: string, tables: readonly string[]): Source {
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
