export type Outcome = 'reconciled' | 'skipped' | 'rejected';

/** What a correct mover must do with a product. */
export interface ExpectedOutcome {
  readonly outcome: Outcome;
  readonly code?: string;
}

export interface AppliedTrap {
  readonly trap: string;
  readonly means?: string;
}

/** Something that was in Stripe before the move began. */
export interface StripeSeed {
  readonly mode: 'test' | 'live';
  readonly object: 'product' | 'price';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A product in the making. */
export interface ProductDraft {
  readonly id: string;
  fields: Record<string, unknown>;
  /** What the price means: ISO 4217 minor units, and the currency in upper case; null where it means nothing. */
  minor: number | null;
  currency: string | null;
  verdict: ExpectedOutcome;
  readonly marks: AppliedTrap[];
  readonly stripe: StripeSeed[];
}

export const RECONCILED: ExpectedOutcome = { outcome: 'reconciled' };
