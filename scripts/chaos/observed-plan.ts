import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entity, Plan } from '../../src/plan/contract.ts';
import type { UpstreamFactory } from '../../src/plan/upstream.ts';

/** One line of the journal that workers keep of their costly work. */
export interface CostlyWorkEntry {
  readonly who: string;
  readonly pid: number;
  readonly from: number;
  readonly to: number;
}

export interface InstrumentationOptions {
  /** Costly work takes so long, and is written down here. */
  readonly journal: string | undefined;
  readonly costlyMs: number;
  /** What every upstream may be asked a second. */
  readonly maxRps: number | undefined;
}

/** The plan as it is, with its costly work made slow and written down, and its upstreams on a short leash. */
export function instrumentPlan(plan: Plan, observation: InstrumentationOptions): Plan {
  const entities = Object.entries(plan.entities).map(([name, entity]) => [name, instrumentEntity(entity, observation)]);
  return { ...plan, entities: Object.fromEntries(entities) };
}

function instrumentEntity(entity: Entity, { journal, costlyMs, maxRps }: InstrumentationOptions): Entity {
  const { enrich, source } = entity;
  return {
    ...entity,
    source: (context) =>
      source(maxRps === undefined ? context : { ...context, upstreams: withMaxRps(context.upstreams, maxRps) }),
    ...(enrich && journal !== undefined
      ? {
          async enrich(row, secret, tools) {
            const from = Date.now();
            await sleep(costlyMs);
            const made = await enrich(row, secret, tools);
            const who = createHash('sha256').update(JSON.stringify(secret)).digest('hex').slice(0, 16);
            const line: CostlyWorkEntry = { who, pid: process.pid, from, to: Date.now() };
            appendFileSync(journal, `${JSON.stringify(line)}\n`);
            return made;
          },
        }
      : {}),
  };
}

const withMaxRps =
  (upstreams: UpstreamFactory, maxRps: number): UpstreamFactory =>
  (settings) =>
    upstreams({ ...settings, maxRps });
