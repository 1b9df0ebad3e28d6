/** What may be changed while the sandbox runs; see the options of the same names. */
export type StripeSettings = {
  latencyMs: number;
  globalRps: number;
  endpointRps: number;
  searchRps: number;
  searchLagMs: number;
  idempotencyTtlMs: number;
  lockWaitMs: number;
};
