import type { CutoverPlan, CutoverSpec, Exchange, Phase, Step } from '../../../contract/cutover.ts';
import { type Catalog, keyOf } from '../catalog.ts';
import { displayName } from '../names.ts';
import { planPolicies, planPublications, planRules, planTriggers } from './behaviour.ts';
import { planColumns, planSettings } from './columns.ts';
import { createPair, type Direction, type ExchangePair, type PlanContext, PlanDraft } from './draft.ts';
import { planGrants } from './grants.ts';
import { planIndexes } from './indexes.ts';
import { planIncomingKeys, planKeys } from './keys.ts';
import { planCapture, planLocks, planMoves } from './moves.ts';
import { planSequences } from './sequences.ts';
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
  const draft = new PlanDraft();
  const pairs = pairsOf(input, draft);
  const context: PlanContext = { ...input, pairs, draft };
  if (draft.problems.length === 0) {
    for (const pair of pairs) planTable(context, pair);
    planDependents(context);
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
    sql: planScript(steps),
  };
}

function planTable(context: PlanContext, pair: ExchangePair): void {
  planIndexes(context, pair);
  planColumns(context, pair);
  planKeys(context, pair);
  planSettings(context, pair);
  planGrants(context, pair);
  planSequences(context, pair);
  planTriggers(context, pair);
  planPolicies(context, pair);
  planRules(context, pair);
  planStatistics(context, pair);
  context.draft.statement('analyze', `table ${pair.label}`, 'statistics for the planner', `ANALYZE ${pair.before}`);
}

function planDependents(context: PlanContext): void {
  const { draft, catalog } = context;
  planIncomingKeys(context);
  planViews(context);
  for (const { kind, object, sql } of catalog.dependents)
    draft.step(
      kind === 'function' ? 'functions' : 'views',
      kind,
      object,
      'recreated from its own text, so that it refers to the new tables',
      sql,
    );
  planPublications(context);
  planMoves(context);
  planCapture(context);
  for (const privilege of catalog.defaultPrivileges)
    draft.item(
      'default privilege',
      privilege,
      'stays; tables keep their own rights, since they are moved and not made',
    );
  planLocks(context);
}

function pairsOf({ catalog, tables }: PlanInput, draft: PlanDraft): ExchangePair[] {
  const seen = new Set<string>();
  if (tables.length === 0) draft.problems.push('the set has no tables');
  return tables.flatMap((exchange) => {
    for (const name of [exchange.incoming, exchange.live]) {
      if (seen.has(keyOf(name))) draft.problems.push(`${displayName(name)} is named twice`);
      seen.add(keyOf(name));
    }
    const incoming = catalog.tables.get(keyOf(exchange.incoming));
    const live = catalog.tables.get(keyOf(exchange.live));
    if (!incoming) draft.problems.push(`there is no table ${displayName(exchange.incoming)}`);
    if (!live) draft.problems.push(`there is no table ${displayName(exchange.live)}`);
    for (const table of [incoming, live])
      if (table?.refusal) draft.problems.push(`${displayName(table)} cannot be exchanged: ${table.refusal}`);
    return incoming && live ? [createPair(exchange, incoming, live)] : [];
  });
}

const phaseTitles: Record<Phase, string> = {
  prepare: 'before: as slow as it needs to be, on incoming tables',
  staged: 'the transaction begins: incoming tables only',
  lock: 'all locks',
  swap: 'the swap: only the catalog',
  after: 'after the commit',
};

/** The steps as a script for a person to read. */
export function planScript(steps: readonly Step[]): string {
  const phases = Object.keys(phaseTitles) as Phase[];
  return phases
    .map((phase) =>
      [
        `-- ${phase}: ${phaseTitles[phase]}`,
        ...steps.filter((step) => step.phase === phase).map((step) => `${step.sql};`),
      ].join('\n'),
    )
    .join('\n\n');
}
