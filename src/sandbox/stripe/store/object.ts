/** An object as the API shows it. Never changed in place: a change puts a new one, so that snapshots cost nothing. */
export interface StripeObject {
  readonly id: string;
  readonly object: string;
  readonly [field: string]: unknown;
}
