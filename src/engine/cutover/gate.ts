import type { CutoverSpec } from '../../contract/cutover.ts';
import type { ValidationCheck, ValidationView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import type { ValidationDeps } from '../validation/check.ts';
import { latestValidation } from '../validation/validate.ts';
import { findRowsWrittenLive, readNewestRunsByEntity } from './records.sql.ts';
import type { Gate } from './types.ts';

/** What the gate reads. */
export interface GateDeps {
  /** Runs are read here. */
  readonly database: Parameters<typeof readNewestRunsByEntity>[0];
  /** The rows that applications wrote while the incoming tables were live are read here. */
  readonly target: Parameters<typeof findRowsWrittenLive>[0];
  readonly plan: (name: string) => Plan;
  readonly validation: ValidationDeps;
}

interface Findings {
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * A cutover is allowed when the newest run of each of its tables has ended and its newest validation is green and saw
 * the data as it is now. Runs that came before need no validation of their own: what they loaded is in the same data.
 * Tables that have been live and came back may hold other than their source says: where all that is red are rows the
 * applications wrote then, they may go live again.
 */
export function createGate(deps: GateDeps): Gate {
  return {
    async check(spec) {
      const { missing, runs } = await readNewestRuns(deps, spec);
      const found: Findings[] = [{ reasons: missing, warnings: [] }];
      for (const run of runs) found.push(await checkRun(deps, spec, run));
      const reasons = found.flatMap((one) => one.reasons);
      return { ok: reasons.length === 0, reasons, warnings: found.flatMap((one) => one.warnings) };
    },
  };
}

async function readNewestRuns(deps: GateDeps, spec: CutoverSpec) {
  const plan = deps.plan(spec.name);
  const schema = spec.tables[0]?.incoming.schema ?? '';
  const newest = await readNewestRunsByEntity(deps.database, spec.name, schema);
  const wanted = new Set(spec.tables.map(({ incoming }) => incoming.name));
  const entities = Object.keys(plan.entities).filter((name) => wanted.has(plan.entities[name]?.target.table ?? ''));
  const runs = new Map(entities.flatMap((entity) => newest.get(entity) ?? []).map((run) => [run.id, run]));
  const missing = entities
    .filter((entity) => !newest.has(entity))
    .map((entity) => `no run has loaded ${entity} into ${schema}`);
  return { missing, runs: [...runs.values()] };
}

const endedStatuses: readonly Run['status'][] = ['completed', 'completed_with_failures'];

async function checkRun(deps: GateDeps, spec: CutoverSpec, run: Run): Promise<Findings> {
  const refused = (...reasons: readonly string[]): Findings => ({ reasons, warnings: [] });
  if (run.rolledBackAt) return refused(`run ${run.id}, the newest into ${run.targetSchema}, was rolled back`);
  if (!endedStatuses.includes(run.status))
    return refused(`run ${run.id}, the newest into ${run.targetSchema}, is ${run.status}`);
  const view = await latestValidation(deps.validation, run, deps.plan(run.plan));
  if (!view) return refused(`run ${run.id} was not validated: drover validate ${run.id}`);
  const { broken, excused } = await classifyBrokenChecks(deps, spec, run, view);
  return {
    reasons: [
      ...(broken.length > 0 ? [`the validation of run ${run.id} is red: ${broken.map(describeCheck).join(', ')}`] : []),
      ...(view.stale
        ? [
            `the validation of run ${run.id} is stale: ${run.targetSchema} changed after ${view.at}: drover validate ${run.id}`,
          ]
        : []),
    ],
    warnings: excused.map((check) => `${describeCheck(check)}: rows that were written while they were live; let pass`),
  };
}

/** Broken rules: those that stand, and those of which every row was written by the applications. */
async function classifyBrokenChecks({ target }: GateDeps, spec: CutoverSpec, run: Run, { checks }: ValidationView) {
  const wrong = checks.filter((check) => !check.ok && check.severity === 'error');
  const ids = [...new Set(wrong.flatMap(({ rows }) => rows.flatMap(({ targetId }) => targetId ?? [])))];
  const live = ids.length === 0 ? new Set<string>() : await findRowsWrittenLive(target, run, spec, ids);
  const ownRows = (check: ValidationCheck): boolean =>
    check.rows.length > 0 && check.rows.every(({ targetId }) => targetId !== null && live.has(targetId));
  // A row that was deleted is missed in the sums too, where no row can say so.
  const deleted = new Set(
    wrong.filter((check) => check.name === 'row-count' && ownRows(check)).map((one) => one.entity),
  );
  const isExcused = (check: ValidationCheck): boolean =>
    ownRows(check) || (check.name === 'money' && check.rows.length === 0 && deleted.has(check.entity));
  return { broken: wrong.filter((check) => !isExcused(check)), excused: wrong.filter(isExcused) };
}

function describeCheck({ name, entity, violations, checked }: ValidationCheck): string {
  return `${name}${entity === null ? '' : ` (${entity})`} ${violations} of ${checked}`;
}
