import type { ValidationCheck } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Entity, Plan } from '../../plan/contract.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { ApiFactory } from '../api-effects/effects.ts';
import type { Ledger, Run, RunEntity } from '../ledger/types.ts';
import type { ValidationLedger } from './ledger.sql.ts';
import type { ValidationTarget } from './target.sql.ts';
import type { RowViolation, TargetTable } from './types.ts';

export interface ValidationDeps {
  readonly ledger: ValidationLedger;
  readonly target: ValidationTarget;
  /** Resolves references to records by source id. */
  readonly references: Pick<Ledger, 'resolve'>;
  readonly rows: Pick<TargetPort, 'compare'>;
  /** Absent in a process without access to upstreams: records at APIs are then compared with their rows in the target only. */
  readonly apis?: ApiFactory | undefined;
  /** How many records of each entity are compared field by field. Default 100. */
  readonly sampleSize?: number | undefined;
}

/** The input of a check: one entity of one run. */
export interface CheckContext {
  readonly deps: ValidationDeps;
  readonly run: Run;
  readonly plan: Plan;
  readonly entity: string;
  readonly definition: Entity;
  readonly extraction: RunEntity;
  readonly place: TargetTable;
}

export type Check = (context: CheckContext) => Promise<readonly ValidationCheck[]>;

/** Records per page when the control database and the target database are compared. */
export const pageSize = 5_000;

/** The result of a check. `ok` defaults to true when there is no violation, `severity` to `error`. */
export function createCheck(
  of: Pick<ValidationCheck, 'name' | 'entity' | 'description'> & Partial<Pick<ValidationCheck, 'severity' | 'ok'>>,
  checked: number,
  rows: readonly RowViolation[],
): ValidationCheck {
  return { severity: 'error', ok: rows.length === 0, ...of, checked, violations: rows.length, rows };
}

/**
 * Runs a check whose SQL the target may refuse (a column is missing, a rule divides by zero). The refusal makes the check
 * fail. An unreachable database is not a finding: that error is thrown.
 */
export async function reportSchemaErrors(
  of: Pick<ValidationCheck, 'name' | 'entity' | 'description'> & Partial<Pick<ValidationCheck, 'severity'>>,
  ask: () => Promise<ValidationCheck>,
): Promise<ValidationCheck> {
  try {
    return await ask();
  } catch (thrown) {
    if (!(thrown instanceof DroverError) || !['TARGET_SCHEMA', 'TARGET_CONSTRAINT'].includes(thrown.code)) throw thrown;
    const description = `${of.description} (could not be checked: ${thrown.message})`;
    return createCheck({ ...of, description, ok: false }, 0, []);
  }
}
