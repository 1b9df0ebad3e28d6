import { type ErrorClass, kindOf, type Severity } from '../../errors.ts';
import type { ErrorDescription, ErrorOccurrence } from '../control/contract.ts';

/** What the fleet does about an error by its severity. */
export const severityActions: Readonly<Record<Severity, string>> = {
  LOW: 'Log and continue',
  MEDIUM: 'Retry with backoff',
  HIGH: 'Skip and report',
  CRITICAL: 'Stop migration',
};

/**
 * Our codes under the names by which operators of migrations know them. `*` is the upstream it is about: SUPABASE_TIMEOUT,
 * STRIPE_RATE_LIMIT.
 */
const errorNames: Readonly<Record<string, string>> = {
  UPSTREAM_RATE_LIMIT: '*_RATE_LIMIT',
  UPSTREAM_TIMEOUT: '*_TIMEOUT',
  UPSTREAM_UNREACHABLE: '*_CONNECTION_ERROR',
  UPSTREAM_ERROR: '*_API_ERROR',
  UPSTREAM_BAD_ANSWER: '*_API_ERROR',
  UPSTREAM_UNAUTHORIZED: '*_AUTHENTICATION_ERROR',
  UPSTREAM_NOT_FOUND: '*_NOT_FOUND',
  UPSTREAM_REFUSED: '*_INVALID_REQUEST',
  UPSTREAM_REJECTED: '*_INVALID_REQUEST',
  UPSTREAM_CONFLICT: '*_CONFLICT',
  BREAKER_OPEN: 'CIRCUIT_BREAKER_OPEN',
  DATABASE_UNAVAILABLE: 'DATABASE_CONNECTION_ERROR',
  DATABASE_CONFLICT: 'DATABASE_CONFLICT',
  REDIS_UNAVAILABLE: 'REDIS_CONNECTION_ERROR',
  CONFIGURATION: 'CONFIGURATION_ERROR',
  UPSTREAM_FORBIDDEN_ADDRESS: 'CONFIGURATION_ERROR',
  TARGET_SCHEMA: 'CONFIGURATION_ERROR',
  TRIES_USED_UP: 'RETRIES_EXHAUSTED',
  WORKER_LOST: 'WORKER_LOST',
  PARENT_REJECTED: 'DEPENDENCY_ERROR',
  TRANSFORM_THREW: 'UNKNOWN_ERROR',
  INTERNAL: 'UNKNOWN_ERROR',
};

/** Names by what a retry can do, for codes the table does not have: those of plans among them. */
const errorNamesByClass: Readonly<Record<ErrorClass, string>> = {
  transient: 'UNKNOWN_ERROR',
  throttled: '*_RATE_LIMIT',
  data: 'VALIDATION_ERROR',
  configuration: 'CONFIGURATION_ERROR',
  critical: 'SYSTEM_ERROR',
};

/**
 * An error as operators of migrations know it. `upstreams` are those of the plan, for errors that do not say which one
 * they are about: the first is the one it reads, the last the one it loads.
 */
export function describeError(
  { code, stage, upstream: about }: ErrorOccurrence,
  upstreams: readonly string[],
): ErrorDescription {
  const kind = kindOf(code);
  const upstream = about ?? (stage === 'extract' ? upstreams[0] : upstreams.at(-1)) ?? 'upstream';
  const name = (errorNames[code] ?? errorNamesByClass[kind.class]).replace(
    '*',
    upstream.toUpperCase().replaceAll('-', '_'),
  );
  return { name, severity: kind.severity, action: severityActions[kind.severity] };
}

/** The upstream a message is about: those of upstreams begin with the name of theirs (`stripe v1/products: 503`). */
export function findUpstreamInMessage(message: string, upstreams: readonly string[]): string | null {
  const first = /^(?:[A-Z_]+: )?([\w-]+)/.exec(message)?.[1];
  return upstreams.find((name) => name === first) ?? null;
}
