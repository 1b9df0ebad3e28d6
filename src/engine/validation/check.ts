import type { ValidationCheck } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Entity, Plan } from '../../plan/contract.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { ApiFactory } from '../api-effects/effects.ts';
import type { Ledger, Run, RunEntity } from '../ledger/types.ts';
import type { RowViolation, TargetTable, ValidationLedger, ValidationTarget } from './types.ts';

export interface ValidationDeps {
  readonly ledger: ValidationLedger;
  readonly target: ValidationTarget;
  /** Finds the records references name. */
  readonly references: Pick<Ledger, 'resolve'>;
  readonly rows: Pick<TargetPort, 'compare'>;
  /** Absent in a process that reaches no upstream: records at APIs are then compared with what was kept of them. */
  readonly apis?: ApiFactory | undefined;
  /** Records an entity that are compared field by field. Default 100. */
  readonly sampleSize?: number | undefined;
}

/** What a check looks at. */
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

/** How many records travel between the two databases at a time. */
export const pageSize = 5_000;

/** A check with its verdict: it holds when no row breaks it. */
export function createCheck(
  of: Pick<ValidationCheck, 'name' | 'entity' | 'description'> & Partial<Pick<ValidationCheck, 'severity' | 'ok'>>,
  checked: number,
  rows: readonly RowViolation[],
): ValidationCheck {
  return { severity: 'error', ok: rows.length === 0, ...of, checked, violations: rows.length, rows };
}

/**
 * Runs a check whose question the target may not understand (a column is missing, a rule divides by zero): that it
 * could not be asked is a finding, and says nothing good. A database that does not answer is no finding.
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
