import type { CutoverSpec } from '../../contract/cutover.ts';
import type { ValidationCheck, ValidationView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import type { Gate } from './types.ts';

export interface GateDeps {
  readonly plan: (name: string) => Plan;
  /** The newest run that loaded, or is loading, each entity of the plan into the schema; by entity. */
  readonly newestRuns: (plan: string, schema: string) => Promise<ReadonlyMap<string, Run>>;
  /** The run's newest validation; `stale` by the data as it is now. */
  readonly validation: (run: Run) => Promise<ValidationView | undefined>;
  /** Those of the target ids whose rows were written while the incoming tables were live, after the run. */
  readonly writtenLive: (run: Run, spec: CutoverSpec, ids: readonly string[]) => Promise<ReadonlySet<string>>;
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
export function createGate(ports: GateDeps): Gate {
  return {
    async check(spec) {
      const { missing, runs } = await readNewestRuns(ports, spec);
      const found: Findings[] = [{ reasons: missing, warnings: [] }];
      for (const run of runs) found.push(await checkRun(ports, spec, run));
      const reasons = found.flatMap((one) => one.reasons);
      return { ok: reasons.length === 0, reasons, warnings: found.flatMap((one) => one.warnings) };
    },
  };
}

async function readNewestRuns(ports: GateDeps, spec: CutoverSpec) {
  const plan = ports.plan(spec.name);
  const schema = spec.tables[0]?.incoming.schema ?? '';
  const newest = await ports.newestRuns(spec.name, schema);
  const wanted = new Set(spec.tables.map(({ incoming }) => incoming.name));
  const entities = Object.keys(plan.entities).filter((name) => wanted.has(plan.entities[name]?.target.table ?? ''));
  const runs = new Map(entities.flatMap((entity) => newest.get(entity) ?? []).map((run) => [run.id, run]));
  const missing = entities
    .filter((entity) => !newest.has(entity))
    .map((entity) => `no run has loaded ${entity} into ${schema}`);
  return { missing, runs: [...runs.values()] };
}

const endedStatuses: readonly Run['status'][] = ['completed', 'completed_with_failures'];

async function checkRun(ports: GateDeps, spec: CutoverSpec, run: Run): Promise<Findings> {
  const refused = (...reasons: readonly string[]): Findings => ({ reasons, warnings: [] });
  if (run.rolledBackAt) return refused(`run ${run.id}, the newest into ${run.targetSchema}, was rolled back`);
  if (!endedStatuses.includes(run.status))
    return refused(`run ${run.id}, the newest into ${run.targetSchema}, is ${run.status}`);
  const view = await ports.validation(run);
  if (!view) return refused(`run ${run.id} was not validated: drover validate ${run.id}`);
  const { broken, excused } = await classifyBrokenChecks(ports, spec, run, view);
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
async function classifyBrokenChecks(
  { writtenLive }: GateDeps,
  spec: CutoverSpec,
  run: Run,
  { checks }: ValidationView,
) {
  const wrong = checks.filter((check) => !check.ok && check.severity === 'error');
  const ids = [...new Set(wrong.flatMap(({ rows }) => rows.flatMap(({ targetId }) => targetId ?? [])))];
  const live = ids.length === 0 ? new Set<string>() : await writtenLive(run, spec, ids);
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
