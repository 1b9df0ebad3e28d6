/** What an upstream tells the log: names, codes and times; never headers, bodies or query values. Pino fits. */
export interface UpstreamLogger {
  warn(details: Readonly<Record<string, string | number | undefined>>, message: string): void;
}

/** Called once for every HTTP request, answered or not. */
export interface UpstreamMetrics {
  onRequest(event: UpstreamEvent): void;
}

export interface UpstreamEvent {
  readonly upstream: string;
  readonly endpoint: string;
  /** The HTTP status, or the code of the error when no answer came (UPSTREAM_TIMEOUT), or `aborted`. */
  readonly status: number | string;
  readonly ms: number;
  /** As they travelled, headers included; encryption is not counted. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}
