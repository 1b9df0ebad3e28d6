import { kindOf } from '../../errors.ts';
import type { ErrorOccurrence, ErrorShare, FailureGroup, RunMetrics, RunView } from '../control/contract.ts';
import { describeError, findUpstreamInMessage } from './known-errors.ts';
import type { RunUsage, TryCount } from './ports.ts';
import { type AllowedRates, resourceUsage } from './usage.ts';

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
