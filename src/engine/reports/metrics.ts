import type {
  ErrorDescription,
  ErrorOccurrence,
  ErrorShare,
  ResourceUsage,
  RunMetrics,
} from '../../contract/metrics.ts';
import type { FailureGroup, RunView } from '../../contract/runs.ts';
import { type ErrorClass, kindOf, type Severity } from '../../errors.ts';
import type { RunUsage, TryCount } from './types.ts';

export interface MetricsInput {
  readonly view: Pick<RunView, 'entities' | 'status' | 'reason' | 'startedAt' | 'finishedAt'>;
  readonly failures: readonly FailureGroup[];
  readonly tries: readonly TryCount[];
  readonly upstreams: readonly string[];
  readonly usage: RunUsage;
  /** See ResourceUsage. */
  readonly complete: boolean;
  readonly allowed: AllowedRates;
  readonly now: Date;
}

/** Pure. */
export function metricsOf(input: MetricsInput): RunMetrics {
  const { view, usage, complete } = input;
  const entities = Object.values(view.entities);
  const settled = entities.reduce((all, one) => all + one.extracted - one.pending, 0);
  const good = entities.reduce((all, one) => all + one.reconciled + one.skipped, 0);
  const end = view.finishedAt === null ? input.now.getTime() : Date.parse(view.finishedAt);
  const elapsedMs = view.startedAt === null ? 0 : Math.max(0, end - Date.parse(view.startedAt));
  return {
    successRate: settled === 0 ? null : ratio(good, settled),
    processingRate: elapsedMs === 0 ? 0 : Math.round((settled * 10_000) / elapsedMs) / 10,
    elapsedSeconds: Math.round(elapsedMs / 100) / 10,
    errorDistribution: errorDistribution(input),
    resourceUsage: resourceUsage(usage, elapsedMs, complete, input.allowed),
  };
}

/** By stage, code and upstream, what ended most records first. */
function errorDistribution({ view, failures, tries, upstreams }: MetricsInput): readonly ErrorShare[] {
  const kinds = new Map<string, ErrorOccurrence & { records: number; tries: number }>();
  const add = (what: ErrorOccurrence, records: number, tried: number): void => {
    const { stage, code, upstream } = what;
    const key = `${stage}/${code}/${upstream}`;
    const known = kinds.get(key) ?? { stage, code, upstream, records: 0, tries: 0 };
    kinds.set(key, { ...known, records: known.records + records, tries: known.tries + tried });
  };
  for (const group of failures)
    add({ ...group, upstream: findUpstreamInMessage(group.message, upstreams) }, group.count, 0);
  for (const tried of tries) add(tried, 0, tried.count);
  const stop = view.status === 'failed' ? stopReason(view.reason ?? '', upstreams) : undefined;
  if (stop) add(stop, 0, 1);
  const all = [...kinds.values()].reduce((sum, one) => sum + one.records, 0);
  return [...kinds.values()]
    .map((kind) => ({
      ...describeError(kind, upstreams),
      class: kindOf(kind.code).class,
      ...kind,
      share: all === 0 ? 0 : ratio(kind.records, all),
    }))
    .sort((a, b) => b.records - a.records || b.tries - a.tries || (a.code < b.code ? -1 : 1));
}

/** What stopped the run: its reason is a code and a message. */
function stopReason(reason: string, upstreams: readonly string[]): ErrorOccurrence | undefined {
  const code = /^([A-Z][A-Z_]+): /.exec(reason)?.[1];
  return code === undefined ? undefined : { code, stage: null, upstream: findUpstreamInMessage(reason, upstreams) };
}

// Rounded down: 1 is said when it is true.
const ratio = (part: number, whole: number): number => Math.floor((part * 10_000) / whole) / 10_000;

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
  PARENT_NOT_LOADED: 'DEPENDENCY_ERROR',
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

/** Requests a second the fleet may send, by upstream. */
export type AllowedRates = Readonly<Record<string, number>>;

/** Pure. `elapsedMs` is how long the run took. */
function resourceUsage(usage: RunUsage, elapsedMs: number, complete: boolean, allowed: AllowedRates): ResourceUsage {
  const { workers, traffic, alongside } = usage;
  const cpuMs = sum(workers.map((one) => one.cpuMs));
  const peaks = workers.map((one) => one.peakRssMb);
  return {
    memory: { peakMb: sum(peaks), largestWorkerMb: Math.max(0, ...peaks) },
    cpu: { seconds: rounded(cpuMs / 1_000), meanCores: elapsedMs > 0 ? rounded(cpuMs / elapsedMs) : 0 },
    network: {
      requests: sum(traffic.map((one) => one.requests)),
      failed: sum(traffic.map((one) => one.failed)),
      sentBytes: sum(traffic.map((one) => one.sentBytes)),
      receivedBytes: sum(traffic.map((one) => one.receivedBytes)),
      upstreams: traffic.map((one) => ({
        ...one,
        perSecond: elapsedMs > 0 ? rounded((one.requests * 1_000) / elapsedMs) : 0,
        allowedPerSecond: allowed[one.upstream] ?? null,
      })),
    },
    workers: workers.map((one) => ({
      worker: one.worker,
      seconds: rounded(one.observedMs / 1_000),
      cpuSeconds: rounded(one.cpuMs / 1_000),
      peakMemoryMb: one.peakRssMb,
    })),
    complete,
    alongside,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const rounded = (number: number): number => Math.round(number * 100) / 100;
