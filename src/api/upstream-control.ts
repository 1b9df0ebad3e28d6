import type { LimitStore, StoredLimit } from '../../db/stores/fleet.ts';
import { withDeadline } from '../../queues/redis.ts';
import type { UpstreamView } from '../contract/fleet.ts';
import { DroverError } from '../errors.ts';
import type { UpstreamFactory } from '../plan/upstream.ts';
import type { UpstreamState } from '../upstreams/states.ts';
import type { UpstreamControl } from './types.ts';

/** The shared state of an upstream, or of one of its endpoints, for all workers. */
export type LiveState = Omit<UpstreamState, 'overrideRps'>;

/** Upstreams in Redis. Each call may fail or stay pending while Redis is unavailable. */
export interface LiveUpstreams {
  states(): Promise<readonly LiveState[]>;
  setLimit(name: string, maxRps: number): Promise<void>;
  /** Clients of the upstreams, for requests that the API process sends itself. */
  readonly open?: UpstreamFactory | undefined;
}

export interface UpstreamControlDeps {
  readonly limits: LimitStore;
  readonly live: LiveUpstreams;
  /** The upstreams that plans name; those without a request so far are shown too. */
  readonly names: readonly string[];
  /** Called when Redis could not be updated; the scheduler restores limits in Redis later. */
  readonly onError: (error: unknown) => void;
}

const redisDeadlineMs = 1_000;

/** A limit is written to PostgreSQL first, with its audit row; Redis has the copy that every worker reads. */
export function createUpstreamControl({ limits, live, names, onError }: UpstreamControlDeps): UpstreamControl {
  const list = async (): Promise<UpstreamView[]> => {
    const [stored, states] = await Promise.all([
      limits.list(),
      withDeadline(live.states(), redisDeadlineMs).catch(() => [] as const),
    ]);
    const all = new Set([...names, ...stored.map(({ upstream }) => upstream), ...states.map(({ name }) => name)]);
    return [...all].sort().map((name) =>
      viewOf(
        name,
        stored.find(({ upstream }) => upstream === name),
        states.filter((state) => state.name === name),
      ),
    );
  };
  return {
    list,
    async setLimit(name, maxRps, reason, actor) {
      const known = await list();
      if (!known.some((view) => view.name === name)) throw unknownUpstream(name, known);
      await limits.set(
        { upstream: name, maxRps, reason, updatedBy: actor.id },
        {
          actor: actor.id,
          role: actor.role,
          action: 'upstream.limit',
          subject: `upstream:${name}`,
          reason,
          details: { maxRps, before: known.find((view) => view.name === name)?.maxRps },
        },
      );
      await withDeadline(live.setLimit(name, maxRps), redisDeadlineMs).catch(onError);
      return (await list()).find((view) => view.name === name) as UpstreamView;
    },
  };
}

function unknownUpstream(name: string, known: readonly UpstreamView[]): DroverError {
  const remedy = `Upstreams: ${known.map((view) => view.name).join(', ')}.`;
  return new DroverError('NOT_FOUND', `there is no upstream ${name}`, { remedy });
}

function viewOf(name: string, stored: StoredLimit | undefined, states: readonly LiveState[]): UpstreamView {
  const whole = states.find(({ endpoint }) => endpoint === null);
  const configuredRps = whole?.configuredRps ?? null;
  return {
    name,
    maxRps: stored?.maxRps ?? configuredRps,
    configuredRps,
    effectiveRps: whole?.effectiveRps ?? null,
    setBy: stored?.updatedBy ?? null,
    setAt: stored?.updatedAt.toISOString() ?? null,
    reason: stored?.reason ?? null,
    breaker: whole?.breaker ?? null,
    breakerOpenUntil: whole?.breakerOpenUntil ?? null,
    blockedUntil: whole?.blockedUntil ?? null,
    failuresInARow: whole?.failuresInARow ?? 0,
    usedLastSecond: whole?.usedLastSecond ?? 0,
    usedLastMinute: whole?.usedLastMinute ?? 0,
    endpoints: states.flatMap(({ endpoint, effectiveRps, blockedUntil, usedLastSecond, usedLastMinute }) =>
      endpoint === null ? [] : [{ name: endpoint, effectiveRps, blockedUntil, usedLastSecond, usedLastMinute }],
    ),
  };
}
