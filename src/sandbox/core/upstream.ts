import type { RequestDescriptor } from './fault-plan.ts';
import type { FaultRule } from './fault-rule.ts';
import type { Answer, SandboxRequest } from './message.ts';

/** An answer and the records that faults changed while it was made. */
export interface UpstreamResult {
  readonly answer: Answer;
  readonly touched: readonly string[];
  /** What the journal shall say besides: ids made, keys used. Nothing secret. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What one upstream must tell the shared server. */
export interface Upstream {
  readonly name: string;
  /** Faults that refuse, which the upstream answers itself because it remembers or explains them. */
  readonly ownFaults?: readonly FaultRule['fault'][];
  /** What the request is about; asked before anything happens. */
  describeRequest(request: SandboxRequest): RequestDescriptor;
  /** Does the work. Only faults about pages and records concern it; the server sees to the rest. */
  handle(request: SandboxRequest, faults: readonly FaultRule[]): UpstreamResult;
  /** A refusal (429, 500, 503) in the upstream's own shape. */
  errorAnswer(status: number, message: string): Answer;
}
