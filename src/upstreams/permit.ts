/** The right to send one request, and what to tell the fleet after it. */
export interface Permit {
  readonly endpoint: string;
  /** The one request that may find out whether the upstream is back. */
  readonly probe: boolean;
  /** The fleet has failures in a row, so a success is news. */
  readonly fleetHasFailures: boolean;
  /** The endpoint has a limit of its own. */
  readonly hasEndpointLimit: boolean;
}

/** How a request went: `throttled` is a 429, `unknown` says nothing about the upstream (we stopped it ourselves). */
export interface RequestReport {
  readonly outcome: 'ok' | 'failed' | 'throttled' | 'unknown';
  /** For how long nobody shall ask; 0 for no pause. */
  readonly pauseMs: number;
  /** The refusal concerns the endpoint only. */
  readonly endpointOnly: boolean;
}
