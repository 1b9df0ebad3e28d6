import type { AuditEntry } from '../../contract/audit.ts';
import type { ValidationCheck, ValidationView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run, RunEntity } from '../ledger/types.ts';
import { entityOf, identityScope } from '../runs/context.ts';
import type { Check, CheckContext, ValidationDeps } from './check.ts';
import {
  checkBalance,
  checkDuplicates,
  checkMoney,
  checkReferences,
  checkRowCount,
  checkRules,
  checkSource,
} from './checks.ts';
import { checkSample } from './sample.ts';
import { checkSecondReading } from './second-reading.ts';
import type { StoredValidation } from './types.ts';

const ledgerChecks: readonly Check[] = [checkSource, checkBalance, checkSecondReading];
const targetChecks: readonly Check[] = [
  checkRowCount,
  checkDuplicates,
  checkReferences,
  checkRules,
  checkMoney,
  checkSample,
];

/**
 * Checks that the target holds what the run says it moved, from the tables themselves, and stores the result with the
 * version of the data it read. The version is read first, so a change during the checks makes the result stale and never
 * wrongly fresh. `entry` is the audit row of the request, stored in the same transaction. Throws DroverError.
 */
export async function validateRun(
  deps: ValidationDeps,
  run: Run,
  plan: Plan,
  entities: readonly RunEntity[],
  entry?: AuditEntry,
): Promise<ValidationView> {
  const dataVersion = await readDataVersion(deps, run, plan);
  await deps.target.analyze(run.targetSchema, tablesOfPlan(plan));
  const checks: ValidationCheck[] = [];
  for (const extraction of entities) {
    const context = createContext(deps, run, plan, extraction);
    for (const check of checksOf(run)) checks.push(...(await check(context)));
  }
  const red = checks.some((check) => !check.ok && check.severity === 'error');
  const stored = await deps.ledger.save(run.id, { dataVersion, status: red ? 'red' : 'green', checks }, entry);
  return toView(run, stored, dataVersion);
}

/** The run's newest validation; `stale` when the target has changed since. */
export async function latestValidation(
  deps: ValidationDeps,
  run: Run,
  plan: Plan,
): Promise<ValidationView | undefined> {
  const stored = await deps.ledger.latest(run.id);
  return stored ? toView(run, stored, await readDataVersion(deps, run, plan)) : undefined;
}

// A run that writes nothing has no rows in the target.
function checksOf(run: Run): readonly Check[] {
  return run.dryRun || run.exportOnly ? ledgerChecks : [...ledgerChecks, ...targetChecks];
}

function createContext(deps: ValidationDeps, run: Run, plan: Plan, extraction: RunEntity): CheckContext {
  const definition = entityOf(plan, extraction.entity);
  const place = {
    scope: identityScope(run.plan, run.targetSchema),
    entity: extraction.entity,
    schema: run.targetSchema,
    table: definition.target.table,
  };
  return { deps, run, plan, entity: extraction.entity, definition, extraction, place };
}

function readDataVersion(deps: ValidationDeps, run: Run, plan: Plan): Promise<string> {
  return deps.target.dataVersion(identityScope(run.plan, run.targetSchema), run.targetSchema, tablesOfPlan(plan));
}

// Every table of the plan: a rule of one entity may read the rows of another.
function tablesOfPlan(plan: Plan): readonly string[] {
  return [...new Set(Object.values(plan.entities).map((entity) => entity.target.table))].sort();
}

function toView(run: Run, stored: StoredValidation, current: string): ValidationView {
  return {
    runId: run.id,
    at: stored.at.toISOString(),
    dataVersion: stored.dataVersion,
    stale: stored.dataVersion !== current,
    status: stored.status,
    checks: stored.checks,
  };
}
