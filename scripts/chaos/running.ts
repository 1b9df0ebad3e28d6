import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Control, StartRun } from '../../src/engine/control/contract.ts';
import { Random } from '../../src/sandbox/core/random.ts';
import { type Doors, openDoors } from './doors.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Ground } from './ground.ts';
import { type Guard, mutants } from './mutants/index.ts';
import { openOperator, operator } from './operator.ts';
import { openProbe, type Probe } from './probe.ts';
import { createProgress, type Progress } from './progress.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import { environmentOf } from './settings.ts';

export interface DrillOptions {
  readonly records: number;
  readonly seed: number;
  /** Seconds between two kills, where a scenario kills. */
  readonly killEvery: number;
  /** The guard that its workers are without. Then a drill that goes well is the one that went wrong. */
  readonly without?: Guard | undefined;
}

/** A run of some plan by real worker processes, with everything a fault may be laid in. */
export interface Running {
  readonly options: DrillOptions;
  readonly random: Random;
  readonly ground: Ground;
  readonly fleet: Fleet;
  /** There when the scenario's setup asks for them. */
  readonly doors: Doors | undefined;
  readonly control: Control;
  readonly probe: Probe;
  /** Of its worker processes. */
  readonly env: Readonly<Record<string, string>>;
  /** For logs and journals. */
  readonly folder: string;
  readonly runId: string;
  readonly schema: string;
  /** Where watched workers write down what they do. */
  readonly journal: string;
  readonly progress: Progress;
  readonly recovery: Recovery;
  /** Aborted when the run is over. */
  readonly over: AbortController;
  close(): Promise<void>;
}

/** What differs from one run to the next. */
export interface Beginning {
  /** Of the scenario. */
  readonly name: string;
  readonly options: DrillOptions;
  /** Where the workers find the upstreams' sandboxes, and what opens them. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Source records, about. */
  readonly size: number;
  readonly run: StartRun;
  readonly workers?: number | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly clocks?: readonly number[] | undefined;
  readonly proxied?: boolean | undefined;
  readonly watched?: ((journal: string) => readonly string[]) | undefined;
}

/** Starts the workers on a database of their own, and the run. */
export async function startRunning(ground: Ground, beginning: Beginning): Promise<Running> {
  const { name, options } = beginning;
  const databaseUrl = await ground.database();
  await ground.redis.flush();
  const folder = join(ground.folder, [name, options.seed, options.without].filter(Boolean).join('-'));
  mkdirSync(folder, { recursive: true });
  const redisPrefix = `{${new URL(databaseUrl).pathname.slice(1)}}`;
  const doors = beginning.proxied ? await openDoors(databaseUrl, ground.redis.url) : undefined;
  const direct = { databaseUrl, redisUrl: ground.redis.url };
  const env = environmentOf({ ...(doors ?? direct), redisPrefix, upstreams: beginning.upstreams, folder });
  const { control, close: closeOperator } = openOperator(databaseUrl, env);
  const journal = join(folder, 'journal.jsonl');
  const fleet = startFleet(beginning.workers ?? 4, {
    script: scriptOf(beginning, journal),
    env: { ...env, ...beginning.env },
    logFile: join(folder, 'workers.log'),
    clocks: beginning.clocks ?? [],
  });
  await fleet.ready();
  const run = await control.startRun(beginning.run, operator);
  const probe = openProbe(databaseUrl);
  const over = new AbortController();
  return {
    ...{ options, ground, fleet, doors, control, probe, env, folder, journal, over },
    random: new Random(options.seed).fork(name),
    runId: run.id,
    schema: run.targetSchema,
    progress: createProgress(probe, run.id, beginning.size, over.signal),
    recovery: createRecovery(probe, run.id, over.signal),
    async close() {
      over.abort();
      await fleet.stop();
      await Promise.all([closeOperator(), probe.close(), doors?.close()]);
      await ground.drop(databaseUrl);
    },
  };
}

function scriptOf({ watched, options: { without }, run }: Beginning, journal: string): readonly string[] {
  // Some guards are the API's.
  const mutated = without !== undefined && without in mutants ? ['--without', without] : [];
  if (!watched && mutated.length === 0) return ['workers/main.ts'];
  const asked = watched?.(journal) ?? [];
  return ['scripts/chaos/drilled-worker.ts', '--plan', run.plan, ...asked, ...mutated];
}
