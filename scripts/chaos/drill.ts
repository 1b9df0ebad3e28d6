import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Control } from '../../src/engine/control/contract.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import { Random } from '../../src/sandbox/core/random.ts';
import { type Doors, openDoors } from './doors.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Ground } from './ground.ts';
import type { Guard } from './mutants/index.ts';
import { openOperator, operator } from './operator.ts';
import { type Expected, expectationOf, sizeOf } from './oracle/expectation.ts';
import { openProbe, type Probe } from './probe.ts';
import { createProgress, type Progress } from './progress.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import type { Scenario } from './scenario.ts';
import { environmentOf } from './settings.ts';

export interface DrillOptions {
  readonly records: number;
  readonly seed: number;
  /** Seconds between two kills, where a scenario kills. */
  readonly killEvery: number;
  /** The guard that its workers are without. Then a drill that goes well is the one that went wrong. */
  readonly without?: Guard | undefined;
}

/** One run under one scenario and one seed, with everything a fault may be laid in. */
export interface Drill {
  readonly options: DrillOptions;
  readonly random: Random;
  readonly ground: Ground;
  readonly fleet: Fleet;
  /** There when the scenario's setup asks for them. */
  readonly doors: Doors | undefined;
  readonly sandbox: BubbleSandbox;
  readonly control: Control;
  readonly probe: Probe;
  readonly runId: string;
  readonly schema: string;
  readonly expectation: Map<string, Map<string, Expected>>;
  /** Where watched workers write down what they do. */
  readonly journal: string;
  readonly progress: Progress;
  readonly recovery: Recovery;
  /** Aborted when the run is over. */
  readonly over: AbortController;
  close(): Promise<void>;
}

// Users bring profiles, bookings and payments with them: so many records each, about.
const recordsPerUser = 6.4;

/** Starts the sandbox, the workers and the run. */
export async function openDrill(ground: Ground, scenario: Scenario, options: DrillOptions): Promise<Drill> {
  const users = Math.ceil(options.records / recordsPerUser);
  const sandbox = await startBubbleSandbox({ users, seed: options.seed, ...scenario.setup?.sandbox });
  scenario.setup?.prepare?.(sandbox);
  const expectation = expectationOf(sandbox);
  scenario.setup?.expect?.(expectation, sandbox);
  const databaseUrl = await ground.database();
  await ground.redis.flush();
  const folder = join(ground.folder, [scenario.name, options.seed, options.without].filter(Boolean).join('-'));
  mkdirSync(folder, { recursive: true });
  const redisPrefix = `{${new URL(databaseUrl).pathname.slice(1)}}`;
  const doors = scenario.setup?.proxied ? await openDoors(databaseUrl, ground.redis.url) : undefined;
  const direct = { databaseUrl, redisUrl: ground.redis.url };
  const env = environmentOf({ ...(doors ?? direct), redisPrefix, sandbox, folder });
  const { control, close: closeOperator } = openOperator(databaseUrl, env);
  const logFile = join(folder, 'workers.log');
  const journal = join(folder, 'journal.jsonl');
  const script = scriptOf(scenario, options, journal);
  const { clocks = [] } = scenario.setup ?? {};
  const fleet = startFleet(scenario.setup?.workers ?? 4, {
    script,
    env: { ...env, ...scenario.setup?.env },
    logFile,
    clocks,
  });
  await fleet.ready();
  const run = await control.startRun({ plan: 'bubble', ...scenario.setup?.run }, operator);
  const probe = openProbe(databaseUrl);
  const over = new AbortController();
  return {
    options,
    random: new Random(options.seed).fork(scenario.name),
    ground,
    fleet,
    doors,
    sandbox,
    control,
    probe,
    runId: run.id,
    schema: run.targetSchema,
    expectation,
    journal,
    progress: createProgress(probe, run.id, sizeOf(expectation), over.signal),
    recovery: createRecovery(probe, run.id, over.signal),
    over,
    async close() {
      over.abort();
      await fleet.stop();
      await Promise.all([sandbox.close(), closeOperator(), probe.close(), doors?.close()]);
      await ground.drop(databaseUrl);
    },
  };
}

function scriptOf({ setup }: Scenario, { without }: DrillOptions, journal: string): readonly string[] {
  if (!setup?.watched && without === undefined) return ['workers/main.ts'];
  const asked = setup?.watched?.(journal) ?? [];
  return ['scripts/chaos/drilled-worker.ts', ...asked, ...(without === undefined ? [] : ['--without', without])];
}
