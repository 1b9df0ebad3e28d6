import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../db/client.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import type { StartRun } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import bubble from '../../src/plans/bubble/index.ts';
import catalog from '../../src/plans/catalog/index.ts';
import { Random } from '../../src/sandbox/core/random.ts';
import type { ChaosEnvironment } from './environment.ts';
import { type Guard, mutants } from './mutants.ts';
import { createProgress, createRecovery, openProbe, type Probe, type Progress, type Recovery } from './probe.ts';
import { type Proxies, startProxies } from './proxies.ts';
import { type Fleet, startFleet } from './worker-processes.ts';

export interface ExperimentOptions {
  readonly records: number;
  readonly seed: number;
  /** Seconds between two kills, where a scenario kills. */
  readonly killEvery: number;
  /** The guard that its workers are without. Then an experiment without a finding is the failure. */
  readonly without?: Guard | undefined;
}

/** A run of some plan by real worker processes, with everything a fault may be laid in. */
export interface Experiment {
  readonly options: ExperimentOptions;
  readonly random: Random;
  readonly environment: ChaosEnvironment;
  readonly fleet: Fleet;
  /** There when the scenario's setup asks for them. */
  readonly proxies: Proxies | undefined;
  readonly control: Control;
  readonly probe: Probe;
  /** Of its worker processes. */
  readonly workerEnv: Readonly<Record<string, string>>;
  /** For logs and journals. */
  readonly folder: string;
  readonly runId: string;
  readonly schema: string;
  /** Where watched workers write down what they do. */
  readonly journal: string;
  readonly progress: Progress;
  readonly recovery: Recovery;
  /** Aborted when the run is over. */
  readonly runEnded: AbortController;
  close(): Promise<void>;
}

/** What differs from one run to the next. */
export interface ExperimentSetup {
  /** Of the scenario. */
  readonly name: string;
  readonly options: ExperimentOptions;
  /** Where the workers find the upstreams' sandboxes, and what opens them. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Source records, about. */
  readonly size: number;
  readonly run: StartRun;
  readonly workers?: number | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly clockOffsetsMs?: readonly number[] | undefined;
  readonly proxied?: boolean | undefined;
  readonly instrumentedWorkerArgs?: ((journal: string) => readonly string[]) | undefined;
}

/** Starts the workers on a database of their own, and the run. */
export async function startExperiment(environment: ChaosEnvironment, setup: ExperimentSetup): Promise<Experiment> {
  const { name, options } = setup;
  const databaseUrl = await environment.createDatabase();
  await environment.redis.flush();
  const folder = join(environment.folder, [name, options.seed, options.without].filter(Boolean).join('-'));
  mkdirSync(folder, { recursive: true });
  const redisPrefix = `{${new URL(databaseUrl).pathname.slice(1)}}`;
  const doors = setup.proxied ? await startProxies(databaseUrl, environment.redis.url) : undefined;
  const direct = { databaseUrl, redisUrl: environment.redis.url };
  const env = workerEnvironment({ ...(doors ?? direct), redisPrefix, upstreams: setup.upstreams, folder });
  const { control, close: closeOperator } = openOperator(databaseUrl, env);
  const journal = join(folder, 'journal.jsonl');
  const fleet = startFleet(setup.workers ?? 4, {
    script: workerScript(setup, journal),
    env: { ...env, ...setup.env },
    logFile: join(folder, 'workers.log'),
    clockOffsetsMs: setup.clockOffsetsMs ?? [],
  });
  await fleet.ready();
  const run = await control.startRun(setup.run, operatorActor);
  const probe = openProbe(databaseUrl);
  const runEnded = new AbortController();
  return {
    ...{ options, environment, fleet, proxies: doors, control, probe, workerEnv: env, folder, journal, runEnded },
    random: new Random(options.seed).fork(name),
    runId: run.id,
    schema: run.targetSchema,
    progress: createProgress(probe, run.id, setup.size, runEnded.signal),
    recovery: createRecovery(probe, run.id, runEnded.signal),
    async close() {
      runEnded.abort();
      await fleet.stop();
      await Promise.all([closeOperator(), probe.close(), doors?.close()]);
      await environment.dropDatabase(databaseUrl);
    },
  };
}

function workerScript(
  { instrumentedWorkerArgs: watched, options: { without }, run }: ExperimentSetup,
  journal: string,
): readonly string[] {
  // Some guards are the API's.
  const mutated = without !== undefined && without in mutants ? ['--without', without] : [];
  if (!watched && mutated.length === 0) return ['workers/main.ts'];
  const asked = watched?.(journal) ?? [];
  return ['test/chaos/chaos-worker.ts', '--plan', run.plan, ...asked, ...mutated];
}

/** Starts and steers runs in an experiment: the control that the API's routes call, without the HTTP before it. */
export interface Operator {
  readonly control: Control;
  close(): Promise<void>;
}

export const operatorActor = { id: 'chaos', role: 'operator' } as const;

function openOperator(databaseUrl: string, env: Readonly<Record<string, string>>): Operator {
  const database = openDatabase({
    url: databaseUrl,
    max: 4,
    applicationName: 'chaos operator',
    onError: () => undefined,
  });
  const plans = createRegistry([bubble, catalog]);
  return {
    control: openControl({ database, target: database, plans, config: readConfig(env) }),
    close: () => database.$client.end(),
  };
}

/** How long after a fault the fleet may notice it: short, so that an experiment is not spent waiting. */
export const shortTimeouts = {
  DROVER_LOCK_DURATION_MS: '3000',
  DROVER_STALLED_INTERVAL_MS: '1500',
  DROVER_SWEEP_AGE_MS: '8000',
  DROVER_TICK_MS: '100',
  DROVER_SHUTDOWN_GRACE_MS: '5000',
  // Four processes share the machine.
  DROVER_HASH_THREADS: '1',
};

/** The environment of an experiment's worker processes. */
function workerEnvironment(options: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Where the upstreams' sandboxes are, and what opens them. */
  readonly upstreams: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Keeps what an earlier experiment left running apart from this one. */
  readonly redisPrefix: string;
}): Record<string, string> {
  return {
    ...shortTimeouts,
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    DROVER_REDIS_PREFIX: options.redisPrefix,
    ...options.upstreams,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    MIGRATION_EXPORT_DIR: join(options.folder, 'exports'),
    MIGRATION_REPORT_DIR: join(options.folder, 'reports'),
    // The fleet learns from this line that a worker is ready.
    LOG_LEVEL: 'info',
  };
}
