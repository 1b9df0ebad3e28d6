import type { Row } from '../row.ts';
import { withoutEmpty } from '../row.ts';

export type Outcome = 'reconciled' | 'skipped' | 'rejected' | 'blocked';

/** What a correct mover must do with a record. */
export interface ExpectedOutcome {
  readonly outcome: Outcome;
  readonly code?: string;
  /** For MERGED and DUPLICATE_PROFILE: the record that stays. */
  readonly survivor?: string;
  /** For PARENT_REJECTED: the record it waits for. */
  readonly blockedBy?: string;
}

/** A trap that was laid in a record, and how a mover must read the value, where that is not obvious. */
export interface AppliedTrap {
  readonly trap: string;
  readonly means?: string;
}

/** A record in the making. */
export interface Draft {
  readonly id: string;
  readonly createdMs: number;
  /** Without the fields Bubble sets itself. */
  fields: Record<string, unknown>;
  createdBy: string;
  verdict: ExpectedOutcome;
  readonly marks: AppliedTrap[];
}

export const RECONCILED: ExpectedOutcome = { outcome: 'reconciled' };

export function isClean(draft: Draft): boolean {
  return draft.verdict.outcome === 'reconciled';
}

/** The finished thing. It was last changed up to ninety days after it was made. */
export function toRow(draft: Draft, modifiedMs: number): Row {
  return withoutEmpty({
    _id: draft.id,
    'Created Date': new Date(draft.createdMs).toISOString(),
    'Modified Date': new Date(modifiedMs).toISOString(),
    'Created By': draft.createdBy,
    ...draft.fields,
  }) as Row;
}
