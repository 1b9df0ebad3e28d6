/**
 * Every failure Drover reports is one of these: a stable code, a retry class, a severity with the action that goes with
 * it, a message for a person and what to do about it. Nothing decides by message text.
 */

/** What a retry can do about it. */
export type ErrorClass = 'transient' | 'throttled' | 'data' | 'configuration' | 'critical';

/** LOW: log. MEDIUM: retry. HIGH: skip the record and report it. CRITICAL: stop the run. */
export type Severity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';

export interface ErrorKind {
  readonly class: ErrorClass;
  readonly severity: Severity;
  readonly remedy: string;
}

export interface ErrorDetails {
  /** Field of the record the error is about, when there is one. */
  readonly field?: string | undefined;
  /** Earliest moment a retry makes sense, in milliseconds from now. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
  /** Overrides the remedy of the code. */
  readonly remedy?: string | undefined;
  /** Each thing that stands against it, where there can be several. */
  readonly reasons?: readonly string[] | undefined;
}

const transient = (remedy: string): ErrorKind => ({ class: 'transient', severity: 'MEDIUM', remedy });
const data = (remedy: string): ErrorKind => ({ class: 'data', severity: 'HIGH', remedy });
const configuration = (remedy: string): ErrorKind => ({ class: 'configuration', severity: 'CRITICAL', remedy });

/** The codes of the engine itself; plans add their own data codes with `dataCodes`. */
export const errorKinds = {
  UPSTREAM_UNREACHABLE: transient('Check the URL, DNS and the network path from the workers to the upstream.'),
  UPSTREAM_TIMEOUT: transient('The upstream answers slowly; lower its limit or wait.'),
  UPSTREAM_ERROR: transient('The upstream reports a fault of its own; retried with growing pauses.'),
  UPSTREAM_BAD_ANSWER: transient(
    'The upstream answered something that is not what its interface promises; look at the answer in the log.',
  ),
  UPSTREAM_RATE_LIMIT: {
    class: 'throttled',
    severity: 'MEDIUM',
    remedy: 'The upstream asks for fewer requests; lower its limit with `drover limits`.',
  },
  BREAKER_OPEN: {
    class: 'throttled',
    severity: 'MEDIUM',
    remedy: 'Too many requests to the upstream failed in a row; it is tried again by itself.',
  },
  UPSTREAM_UNAUTHORIZED: configuration(
    'The upstream refuses the key: check it and its permissions, then retry the run.',
  ),
  UPSTREAM_NOT_FOUND: configuration(
    'The upstream does not know this address or type: check the URL and what it exposes.',
  ),
  UPSTREAM_REFUSED: configuration('The upstream refuses the request: see the message.'),
  UPSTREAM_REJECTED: data('The upstream refuses this record: see the message, correct it in the source, then replay.'),
  UPSTREAM_CONFLICT: transient('Another request holds the same object at the upstream; retried with growing pauses.'),
  UPSTREAM_FORBIDDEN_ADDRESS: configuration(
    'Upstream URLs must be https and public. For a local sandbox set DROVER_ALLOW_PRIVATE_UPSTREAMS=true.',
  ),
  CONFIGURATION: configuration('Correct the setting named in the message.'),
  SOURCE_SHORT: {
    class: 'critical',
    severity: 'CRITICAL',
    remedy:
      'The source gave fewer records than it says it has: look for privacy rules or rows deleted meanwhile, then retry.',
  },
  SOURCE_FILE: configuration('Check that the file exists, is readable and is valid CSV.'),
  DATABASE_UNAVAILABLE: transient('Check DATABASE_URL and that PostgreSQL is running and accepts connections.'),
  REDIS_UNAVAILABLE: transient('Check REDIS_URL and that Redis is running and accepts connections.'),
  REDIS_VOLATILE: configuration(
    'Start Redis with --appendonly yes --maxmemory-policy noeviction, or set DROVER_ALLOW_VOLATILE_REDIS=true if its loss is acceptable.',
  ),
  DATABASE_CONFLICT: transient('Two workers met on the same rows; retried.'),
  TARGET_SCHEMA: configuration('The target table lacks what the plan needs: see the message.'),
  TARGET_CONSTRAINT: data('The target refuses the row: see the message, correct the source or the target.'),
  TARGET_ROW_MISSING: data('The target row is gone: replay the record to load it again.'),
  TARGET_DIFFERS: data(
    'The target row differs from its source in the named fields: replay the record to write it again.',
  ),
  SCHEMA: data('The record does not have the shape the plan expects: correct the source or the field map.'),
  MISSING_ID: data('The record has no id of its own, so it cannot be followed: give it one in the source.'),
  DUPLICATE_ID: data('Two different records carry the same id: correct the source.'),
  ORPHAN: data(
    'The record points at one that does not exist in the source: correct the reference or migrate its parent.',
  ),
  MISSING_REFERENCE: data('The record lacks a reference it needs: correct the source or the field map.'),
  PARENT_REJECTED: data(
    'Correct the record named as its parent in the source and replay that one; this one follows by itself.',
  ),
  DUPLICATE: data('Another record already holds the place this one wants in the target.'),
  UNSTORABLE: data(
    'The plan made something of this record that PostgreSQL cannot hold, such as a zero byte or a number out of range: correct the source or the mapping.',
  ),
  TRANSFORM_THREW: data('The plan failed on this record: this is a defect of the plan, report it with the record id.'),
  WORKER_LOST: data('Workers died while they held this record: look at their logs, then replay it.'),
  TRIES_USED_UP: data('Every try failed: see the last cause, then replay; the record is read again.'),
  HIGH_FAILURE_RATE: {
    class: 'critical',
    severity: 'CRITICAL',
    remedy:
      'Look at the failure groups: a mapping is probably wrong. Correct it and start again, or raise maxFailurePercent.',
  },
  MAPPING_NOT_FOUND: configuration('Migrate the entity named in the message first, in the same target schema.'),
  NOT_IN_SOURCE: data('The source does not know this id: check it, and that the key may see it.'),
  WEBHOOK_SIGNATURE: data(
    'Send the body byte for byte as it was signed, within 300 seconds, and give this service the secret it was signed with.',
  ),
  WEBHOOK_EVENT: data('Send an event of the provider: an object with id, type, created, livemode and data.object.'),
  WEBHOOK_NOT_CONFIGURED: configuration(
    'Set the signing secret of the endpoint for the API and restart it; docs/operations.md says where it is found.',
  ),
  NOT_FOUND: configuration('Check the name or the id.'),
  BAD_REQUEST: configuration('Correct the request as the message says.'),
  NOT_ALLOWED_NOW: configuration('See `nextActions` of the run.'),
  CUTOVER_REFUSED: configuration('Mend what the reasons name and ask again; the live tables are as they were.'),
  PLAN_VERSION: configuration('The run was begun under another version of the plan: start a new run.'),
  PAYLOADS_PURGED: configuration(
    'What the source said is not kept any more. To take records up again, enqueue them by source id: `drover enqueue`; they are read anew.',
  ),
  INTERNAL: {
    class: 'transient',
    severity: 'MEDIUM',
    remedy: 'An unexpected fault; see the log of the worker named in the message.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** The kind of a code; a code no table knows is treated as a data error, which a plan may raise. */
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

/** An error with a code. `cause` is kept and never shown to users. */
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

/** Any thrown thing as a DroverError; what is unknown becomes INTERNAL with its cause kept. */
export function toDroverError(thrown: unknown): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DroverError('INTERNAL', message, { cause: thrown });
}
