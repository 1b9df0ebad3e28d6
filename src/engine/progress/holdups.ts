import type { Plan } from '../../plan/contract.ts';
import type { EntityProgress, Holdup } from '../control/contract.ts';
import type { Run, RunEntity } from '../ports.ts';
import { type Stage, stages } from '../record-status.ts';
import { holdupOfStatus } from './status-holdup.ts';
import { type UpstreamStand, upstreamHoldups } from './upstream-holdups.ts';

/** What the fleet is like at the moment, for whoever asks why a run does not move. */
export interface FleetState {
  /** Null when Redis does not answer. */
  readonly upstreams: readonly UpstreamStand[] | null;
  readonly pauses: readonly { readonly queue: string; readonly pausedBy: string; readonly reason: string }[];
  /** Queues that a process which is alive serves. */
  readonly served: readonly string[];
}

export interface HoldupInput {
  readonly run: Run;
  readonly plan: Plan | undefined;
  readonly entities: readonly RunEntity[];
  readonly progress: Readonly<Record<string, EntityProgress>>;
  readonly fleet: FleetState | undefined;
  readonly now: Date;
}

/** Pure: why a run is slow or stands still, and what clears it. Nothing of a run that went to its end. */
export function holdupsOf(input: HoldupInput): readonly Holdup[] {
  const { run, plan, fleet, now } = input;
  if (run.status !== 'running') return holdupOfStatus(run, fleet?.served);
  const reading = Object.values(input.progress).some(({ extraction }) => extraction === 'reading');
  const upstreams = reading && plan ? upstreamHoldups(fleet?.upstreams ?? [], plan.upstreams, now) : [];
  return [...upstreams, ...queueHoldups(input, reading), ...(plan ? parentHoldups(input, plan) : [])];
}

function queueHoldups({ progress, fleet }: HoldupInput, reading: boolean): Holdup[] {
  if (!fleet) return [];
  const all = Object.values(progress);
  const needed = stages.filter(
    (stage) => (stage === 'extract' && reading) || all.some((one) => one.waiting[stage] > 0),
  );
  return needed.flatMap((queue) => queueHoldup(fleet, queue));
}

function queueHoldup({ pauses, served }: FleetState, queue: Stage): Holdup[] {
  const pause = pauses.find((one) => one.queue === queue);
  if (pause) {
    const what = `queue ${queue} is paused by ${pause.pausedBy}: ${pause.reason}`;
    return [{ code: 'QUEUE_PAUSED', what, clears: `drover queues resume ${queue}`, until: null }];
  }
  if (served.includes(queue)) return [];
  const clears = `start a worker that serves it: npm run worker -- --queues ${queue}`;
  return [{ code: 'NO_WORKER', what: `no worker serves queue ${queue}`, clears, until: null }];
}

/** Entities whose load has not begun although records of theirs are ready for it. */
function parentHoldups({ entities, progress }: HoldupInput, plan: Plan): Holdup[] {
  return entities.flatMap(({ entity, loadOpen }): Holdup[] => {
    const ready = progress[entity]?.waiting.load ?? 0;
    if (loadOpen || ready === 0) return [];
    const parents = (plan.entities[entity]?.dependsOn ?? []).flatMap((parent) => {
      const of = progress[parent];
      if (!of || (of.extraction === 'done' && of.pending === 0)) return [];
      return [of.extraction === 'done' ? `${of.pending} ${parent}` : `${parent}, which are still read`];
    });
    const waits = parents.length > 0 ? parents.join(' and ') : `the last ${entity}, to know which of them are merged`;
    const what = `${ready} ${entity} wait for ${waits}`;
    return [{ code: 'WAITING_FOR_PARENTS', what, clears: 'by itself, when those are settled', until: null }];
  });
}
