import type { Catalog } from '../catalog.ts';
import { keyOf } from '../catalog.ts';
import type { CutoverPlan, CutoverSpec, Exchange, Phase, Step } from '../contract.ts';
import { shown } from '../names.ts';
import { planPolicies, planRules, planTriggers } from './behaviour.ts';
import { planCapture } from './capture.ts';
import { planColumns } from './columns.ts';
import { type Direction, type Pair, pairOf, type Scene } from './context.ts';
import { Draft } from './draft.ts';
import { planGrants } from './grants.ts';
import { planIndexes } from './indexes.ts';
import { planIncomingKeys, planKeys } from './keys.ts';
import { planLocks, planMoves } from './moves.ts';
import { planPublications } from './publications.ts';
import { planSequences } from './sequences.ts';
import { planSettings } from './settings.ts';
import { planStatistics } from './statistics.ts';
import { planViews } from './views.ts';

export interface PlanInput {
  readonly direction: Direction;
  readonly stamp: string;
  readonly spec: CutoverSpec;
  readonly tables: readonly Exchange[];
  readonly catalog: Catalog;
  readonly capture: boolean;
}

/** The whole plan of an exchange from what the catalog says. Pure: the same catalog gives the same plan. */
export function makePlan(input: PlanInput): CutoverPlan {
  const draft = new Draft();
  const pairs = pairsOf(input, draft);
  const scene: Scene = { ...input, pairs, draft };
  if (draft.problems.length === 0) {
    for (const pair of pairs) planTable(scene, pair);
    planAround(scene);
  }
  draft.problems.push(...input.catalog.obstacles);
  const steps = draft.steps();
  const { problems, warnings, items, differences, locks } = draft;
  return {
    name: input.spec.name,
    stamp: input.stamp,
    tables: input.tables,
    problems,
    warnings,
    items,
    steps,
    locks,
    differences,
    sql: script(steps),
  };
}

function planTable(scene: Scene, pair: Pair): void {
  planIndexes(scene, pair);
  planColumns(scene, pair);
  planKeys(scene, pair);
  planSettings(scene, pair);
  planGrants(scene, pair);
  planSequences(scene, pair);
  planTriggers(scene, pair);
  planPolicies(scene, pair);
  planRules(scene, pair);
  planStatistics(scene, pair);
  scene.draft.silent('analyze', `table ${pair.label}`, 'statistics for the planner', `ANALYZE ${pair.before}`);
}

function planAround(scene: Scene): void {
  const { draft, catalog } = scene;
  planIncomingKeys(scene);
  planViews(scene);
  for (const { kind, object, sql } of catalog.dependents)
    draft.step(
      kind === 'function' ? 'functions' : 'views',
      kind,
      object,
      'made anew from its own text, so that it means the new tables',
      sql,
    );
  planPublications(scene);
  planMoves(scene);
  planCapture(scene);
  for (const privilege of catalog.defaultPrivileges)
    draft.item(
      'default privilege',
      privilege,
      'stays; tables keep their own rights, since they are moved and not made',
    );
  planLocks(scene);
}

function pairsOf({ catalog, tables }: PlanInput, draft: Draft): Pair[] {
  const seen = new Set<string>();
  if (tables.length === 0) draft.problems.push('the set has no tables');
  return tables.flatMap((exchange) => {
    for (const name of [exchange.incoming, exchange.live]) {
      if (seen.has(keyOf(name))) draft.problems.push(`${shown(name)} is named twice`);
      seen.add(keyOf(name));
    }
    const incoming = catalog.tables.get(keyOf(exchange.incoming));
    const live = catalog.tables.get(keyOf(exchange.live));
    if (!incoming) draft.problems.push(`there is no table ${shown(exchange.incoming)}`);
    if (!live) draft.problems.push(`there is no table ${shown(exchange.live)}`);
    for (const table of [incoming, live])
      if (table?.refusal) draft.problems.push(`${shown(table)} cannot be exchanged: ${table.refusal}`);
    return incoming && live ? [pairOf(exchange, incoming, live)] : [];
  });
}

const titles: Record<Phase, string> = {
  prepare: 'before: as slow as it needs to be, on incoming tables',
  staged: 'the transaction begins: incoming tables only',
  lock: 'all locks',
  swap: 'the swap: only the catalog',
  after: 'after the commit',
};

/** The steps as a script for a person to read. */
export function script(steps: readonly Step[]): string {
  const phases = Object.keys(titles) as Phase[];
  return phases
    .map((phase) =>
      [
        `-- ${phase}: ${titles[phase]}`,
        ...steps.filter((step) => step.phase === phase).map((step) => `${step.sql};`),
      ].join('\n'),
    )
    .join('\n\n');
}
