import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../src/engine/ledger/types.ts';
import type { Entity, Plan } from '../../src/plan/contract.ts';
import type { UpstreamFactory } from '../../src/plan/upstream.ts';
import type { Services } from '../../workers/services.ts';

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

/** One line for each worker that died at its planned step. */
export interface Death {
  readonly step: string;
  readonly pid: number;
}

// So many of an experiment's workers die; those that come after them finish the run.
const maxDeaths = 12;
const steps = ['open', 'claim', 'write', 'finish', 'dispatch', 'store-page'] as const;
type Step = (typeof steps)[number];

/** Services that end this process, as SIGKILL does, right before or right after one step of its work. */
export function withFailpoints(services: Services, journal: string): Services {
  const chosen = steps[readDeaths(journal).length % steps.length] as Step;
  const afterwards = Math.random() < 0.5;
  let passes = 1 + Math.floor(Math.random() * 4);
  const at = async <T>(step: Step, work: () => Promise<T>): Promise<T> => {
    const dies = step === chosen && --passes === 0;
    if (dies && !afterwards) killSelf(journal, `before ${step}`);
    const done = await work();
    if (dies && afterwards) killSelf(journal, `after ${step}`);
    return done;
  };
  const { ledger, postgres, producer } = services;
  return {
    ...services,
    ledger: ledgerWithFailpoints(ledger, at),
    postgres: { ...postgres, load: (...all) => at('write', () => postgres.load(...all)) },
    producer: { ...producer, dispatch: (jobs) => at('dispatch', () => producer.dispatch(jobs)) },
  };
}

type RunStep = <T>(step: Step, work: () => Promise<T>) => Promise<T>;

function ledgerWithFailpoints(ledger: Ledger, at: RunStep): Ledger {
  return {
    ...ledger,
    open: (...all) => at('open', () => ledger.open(...all)),
    claim: (...all) => at('claim', () => ledger.claim(...all)),
    writeOutcomes: (...all) => at('finish', () => ledger.writeOutcomes(...all)),
    storePage: (...all) => at('store-page', () => ledger.storePage(...all)),
  };
}

/** The deaths so far. */
export function readDeaths(journal: string): readonly Death[] {
  if (!existsSync(journal)) return [];
  const lines = readFileSync(journal, 'utf8').trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Death);
}

function killSelf(journal: string, step: string): void {
  if (readDeaths(journal).length >= maxDeaths) return;
  appendFileSync(journal, `${JSON.stringify({ step, pid: process.pid } satisfies Death)}\n`);
  process.kill(process.pid, 'SIGKILL');
}
