import type { Plan } from '../../plan/contract.ts';
import { entityOf } from '../contexts.ts';
import type { AuditEntry } from '../control/audit.ts';
import type { ValidationCheck, ValidationView } from '../control/contract.ts';
import { identityScope } from '../identity-scope.ts';
import type { Run, RunEntity } from '../ports.ts';
import type { Check, CheckContext, ValidationDeps } from './check.ts';
import { checkBalance } from './checks/balance.ts';
import { checkDuplicates } from './checks/doubles.ts';
import { checkMoney } from './checks/money.ts';
import { checkReferences } from './checks/references.ts';
import { checkRowCount } from './checks/row-count.ts';
import { checkRules } from './checks/rules.ts';
import { checkSample } from './checks/sample.ts';
import { checkSource } from './checks/source.ts';
import type { StoredValidation } from './ports.ts';

const ledgerChecks: readonly Check[] = [checkSource, checkBalance];
const targetChecks: readonly Check[] = [
  checkRowCount,
  checkDuplicates,
  checkReferences,
  checkRules,
  checkMoney,
  checkSample,
];

/**
 * Does the target hold what the run says it moved? Asks everything anew, of the tables themselves, and stores the
 * answer with the version of the data it saw. The version is read first, so what changes while we look makes the
 * answer stale and never wrongly fresh. `entry`: the row of who asked for it, stored with the answer.
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

/** The run's newest validation; stale when the target is not what it saw any more. */
export async function latestValidation(
  deps: ValidationDeps,
  run: Run,
  plan: Plan,
): Promise<ValidationView | undefined> {
  const stored = await deps.ledger.latest(run.id);
  return stored ? toView(run, stored, await readDataVersion(deps, run, plan)) : undefined;
}

// A run that writes nothing has nothing in the target to be asked about.
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

// Every table of the plan: a rule of one entity may look at another's rows.
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
