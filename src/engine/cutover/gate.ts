import type { Plan } from '../../plan/contract.ts';
import type { ValidationCheck, ValidationView } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import type { CutoverSpec } from './contract.ts';
import type { Gate } from './ports.ts';

export interface GatePorts {
  readonly plan: (name: string) => Plan;
  /** The newest run that loaded, or is loading, each entity of the plan into the schema; by entity. */
  readonly newestRuns: (plan: string, schema: string) => Promise<ReadonlyMap<string, Run>>;
  /** The run's newest validation; `stale` by the data as it is now. */
  readonly validation: (run: Run) => Promise<ValidationView | undefined>;
}

/**
 * A cutover is allowed when the newest run of each of its tables has ended and its newest validation is green and saw
 * the data as it is now. Runs that came before need no validation of their own: what they loaded is in the same data.
 */
export function createGate(ports: GatePorts): Gate {
  return {
    async check(spec) {
      const reasons = await reasonsOf(ports, spec);
      return { ok: reasons.length === 0, reasons };
    },
  };
}

async function reasonsOf(ports: GatePorts, spec: CutoverSpec): Promise<string[]> {
  const plan = ports.plan(spec.name);
  const schema = spec.tables[0]?.incoming.schema ?? '';
  const newest = await ports.newestRuns(spec.name, schema);
  const wanted = new Set(spec.tables.map(({ incoming }) => incoming.name));
  const entities = Object.keys(plan.entities).filter((name) => wanted.has(plan.entities[name]?.target.table ?? ''));
  const runs = new Map(entities.flatMap((entity) => newest.get(entity) ?? []).map((run) => [run.id, run]));
  const missing = entities.filter((entity) => !newest.has(entity));
  const reasons = missing.map((entity) => `no run has loaded ${entity} into ${schema}`);
  for (const run of runs.values()) reasons.push(...(await reasonsOfRun(ports, run)));
  return reasons;
}

const ended: readonly Run['status'][] = ['completed', 'completed_with_failures'];

async function reasonsOfRun({ validation }: GatePorts, run: Run): Promise<string[]> {
  if (run.rolledBackAt) return [`run ${run.id}, the newest into ${run.targetSchema}, was rolled back`];
  if (!ended.includes(run.status)) return [`run ${run.id}, the newest into ${run.targetSchema}, is ${run.status}`];
  const view = await validation(run);
  if (!view) return [`run ${run.id} was not validated: drover validate ${run.id}`];
  const broken = view.checks.filter((check) => !check.ok && check.severity === 'error');
  return [
    ...(view.status === 'red' ? [`the validation of run ${run.id} is red: ${broken.map(words).join(', ')}`] : []),
    ...(view.stale
      ? [
          `the validation of run ${run.id} is stale: ${run.targetSchema} changed after ${view.at}: drover validate ${run.id}`,
        ]
      : []),
  ];
}

function words({ name, entity, violations, checked }: ValidationCheck): string {
  return `${name}${entity === null ? '' : ` (${entity})`} ${violations} of ${checked}`;
}
