/**
 * Every failure that Drover reports has a stable code, a retry class, a severity with its action, a message and a remedy. No
 * code decides by message text.
 */

/** Whether a retry can help. */
export type ErrorClass = 'transient' | 'throttled' | 'data' | 'configuration' | 'critical';

/** LOW: log. MEDIUM: retry. HIGH: skip the record and report it. CRITICAL: stop the run. */
export type Severity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';

export interface ErrorKind {
  readonly class: ErrorClass;
  readonly severity: Severity;
  readonly remedy: string;
}

export interface ErrorDetails {
  /** The field of the record that caused the error, if any. */
  readonly field?: string | undefined;
  /** Milliseconds until a retry makes sense. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
  /** Replaces the remedy of the code. */
  readonly remedy?: string | undefined;
  /** All reasons of a refusal, where there can be several. */
  readonly reasons?: readonly string[] | undefined;
}

const transient = (remedy: string): ErrorKind => ({ class: 'transient', severity: 'MEDIUM', remedy });
const data = (remedy: string): ErrorKind => ({ class: 'data', severity: 'HIGH', remedy });
const configuration = (remedy: string): ErrorKind => ({ class: 'configuration', severity: 'CRITICAL', remedy });

/** The codes of the engine itself; plans add their own data codes with `dataCodes`. */
export const errorKinds = {
  UPSTREAM_UNREACHABLE: transient('Check the URL, DNS and the network path from the workers to the upstream.'),
  UPSTREAM_TIMEOUT: transient('The upstream answers slowly; lower its limit or wait.'),
  UPSTREAM_ERROR: transient('The upstream reports an internal error; retried with increasing delays.'),
  UPSTREAM_BAD_ANSWER: transient(
    'The answer of the upstream does not match its documented interface; see the answer in the log.',
  ),
  UPSTREAM_RATE_LIMIT: {
    class: 'throttled',
    severity: 'MEDIUM',
    remedy: 'The upstream limits requests; lower its limit with `drover limits`.',
  },
  BREAKER_OPEN: {
    class: 'throttled',
    severity: 'MEDIUM',
    remedy: 'Too many requests to the upstream failed in a row; requests resume automatically.',
  },
  UPSTREAM_UNAUTHORIZED: configuration(
    'The upstream refuses the key: check it and its permissions, then retry the run.',
  ),
  UPSTREAM_NOT_FOUND: configuration(
    'The upstream does not know this address or type: check the URL and what it exposes.',
  ),
  UPSTREAM_REFUSED: configuration('The upstream refuses the request: see the message.'),
  UPSTREAM_REJECTED: data('The upstream refuses this record: see the message, correct it in the source, then replay.'),
  UPSTREAM_CONFLICT: transient(
    'Another request locks the same object at the upstream; retried with increasing delays.',
  ),
  UPSTREAM_FORBIDDEN_ADDRESS: configuration(
    'Upstream URLs must be https and public. For a local sandbox set DROVER_ALLOW_PRIVATE_UPSTREAMS=true.',
  ),
  CONFIGURATION: configuration('Correct the setting named in the message.'),
  SOURCE_SHORT: {
    class: 'critical',
    severity: 'CRITICAL',
    remedy:
      'The source returned fewer records than it reports: check its privacy rules and for rows deleted meanwhile, then retry.',
  },
  SOURCE_FILE: configuration('Check that the file exists, is readable and is valid CSV.'),
  DATABASE_UNAVAILABLE: transient('Check DATABASE_URL and that PostgreSQL is running and accepts connections.'),
  REDIS_UNAVAILABLE: transient('Check REDIS_URL and that Redis is running and accepts connections.'),
  REDIS_VOLATILE: configuration(
    'Start Redis with --appendonly yes --maxmemory-policy noeviction, or set DROVER_ALLOW_VOLATILE_REDIS=true if its loss is acceptable.',
  ),
  DATABASE_CONFLICT: transient('Two workers changed the same rows at the same time; retried.'),
  TARGET_SCHEMA: configuration('The target table lacks what the plan needs: see the message.'),
  TARGET_CONSTRAINT: data('The target refuses the row: see the message, correct the source or the target.'),
  TARGET_ROW_MISSING: data('The target row no longer exists: replay the record to load it again.'),
  TARGET_DIFFERS: data(
    'The target row differs from its source in the named fields: replay the record to write it again.',
  ),
  SCHEMA: data('The record does not have the shape the plan expects: correct the source or the field map.'),
  MISSING_ID: data('The record has no id, so it cannot be tracked: add one in the source.'),
  DUPLICATE_ID: data('Two different records have the same id: correct the source.'),
  ORPHAN: data(
    'The record refers to one that does not exist in the source: correct the reference in the source, then replay.',
  ),
  PARENT_NOT_LOADED: data(
    'The record refers to one that this run did not read and no earlier run has loaded: add that one to this run (`drover enqueue`) or migrate it in another run, then replay this record.',
  ),
  MISSING_REFERENCE: data('The record lacks a reference it needs: correct the source or the field map.'),
  PARENT_REJECTED: data(
    'Correct the parent record in the source and replay the parent; this record follows automatically.',
  ),
  DUPLICATE: data('Another record already has the same unique key in the target.'),
  UNSTORABLE: data(
    'The plan produced a value that PostgreSQL cannot store, such as a zero byte or a number out of range: correct the source or the mapping.',
  ),
  TRANSFORM_THREW: data(
    'The plan threw an error on this record: this is a defect of the plan, report it with the record id.',
  ),
  WORKER_LOST: data('Workers died while they processed this record: check their logs, then replay it.'),
  TRIES_USED_UP: data('Every attempt failed: see the last cause, then replay; the record is read again.'),
  HIGH_FAILURE_RATE: {
    class: 'critical',
    severity: 'CRITICAL',
    remedy:
      'Check the failure groups: a mapping is probably wrong. Correct it and start again, or raise maxFailurePercent.',
  },
  MAPPING_NOT_FOUND: configuration('Migrate the entity named in the message first, in the same target schema.'),
  NOT_IN_SOURCE: data('The source does not have this id: check it, and that the key may read it.'),
  WEBHOOK_SIGNATURE: data(
    'Send the body byte for byte as it was signed, within 300 seconds, and configure the secret that signed it.',
  ),
  WEBHOOK_EVENT: data('Send an event of the provider: an object with id, type, created, livemode and data.object.'),
  PAYMENT_DIFFERS: data(
    'Compare the booking with the payment at the provider, correct the wrong one, then replay the event.',
  ),
  REFUNDS_DIFFER: transient('The provider’s figures do not agree yet; retried with increasing delays.'),
  DISPUTE_INCOMPLETE: transient('The provider reports the money in a later event; retried with increasing delays.'),
  NO_PAYMENT: data(
    'The payment of the event never arrived: look it up at the provider by its id, then replay the event.',
  ),
  WEBHOOK_NOT_KEPT: configuration(
    'Events of types without a handler are stored without their payload: send the event again from the provider’s dashboard.',
  ),
  WEBHOOK_NOT_CONFIGURED: configuration(
    'Set the signing secret of the endpoint for the API and restart it; docs/operations.md describes where to find it.',
  ),
  NOT_FOUND: configuration('Check the name or the id.'),
  BAD_REQUEST: configuration('Correct the request as described in the message.'),
  NOT_ALLOWED_NOW: configuration('See `nextActions` of the run.'),
  CUTOVER_REFUSED: configuration('Resolve the reasons and try again; the live tables are unchanged.'),
  PLAN_VERSION: configuration('The run was started under another version of the plan: start a new run.'),
  PAYLOADS_PURGED: configuration(
    'The payloads of the run were purged. To process records again, enqueue them by source id (`drover enqueue`); they are read again.',
  ),
  INTERNAL: {
    class: 'transient',
    severity: 'MEDIUM',
    remedy: 'An unexpected error; see the log of the worker named in the message.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** The kind of a code; an unknown code is treated as a data error of a plan. */
export function kindOf(code: string): ErrorKind {
  return (
    (errorKinds as Record<string, ErrorKind>)[code] ??
    data('Correct the source record or the mapping, then replay: the record is read again.')
  );
}

/** `CODE: message. remedy`, in whole sentences: what a run or log line shows of an error. */
export function describeError({ code, message, remedy }: DroverError): string {
  return `${code}: ${/[.!?:;…]$/.test(message) ? message : `${message}.`} ${remedy}`.trimEnd();
}

/** An error with a code. `cause` is kept for the log and never shown to users. */
export class DroverError extends Error {
  readonly code: string;
  readonly class: ErrorClass;
  readonly severity: Severity;
  readonly remedy: string;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly reasons: readonly string[];

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const kind = kindOf(code);
    this.name = 'DroverError';
    this.code = code;
    this.class = kind.class;
    this.severity = kind.severity;
    this.remedy = details.remedy ?? kind.remedy;
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
    this.reasons = details.reasons ?? [];
  }
}

/** Converts any thrown value; one that is not a DroverError becomes INTERNAL with it as the cause. */
export function toDroverError(thrown: unknown): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DroverError('INTERNAL', message, { cause: thrown });
}
