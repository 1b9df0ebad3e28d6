import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import { Random } from '../../src/sandbox/core/random.ts';
import { type Drover, operator, startDrover } from '../helpers/drover.ts';

const fleetEnv = { DROVER_LOCK_DURATION_MS: '1500', DROVER_STALLED_INTERVAL_MS: '500', DROVER_SWEEP_AGE_MS: '3000' };
const reason = 'because of a test';
const only = ['users'];

let sandbox: BubbleSandbox;
let drover: Drover;
beforeAll(async () => {
  sandbox = await startBubbleSandbox({ users: 30 });
  drover = await startDrover('bubble', { BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey, ...fleetEnv });
});
afterAll(async () => {
  await drover?.close();
  await sandbox?.close();
});

function startWorker(): ChildProcess {
  const env = {
    ...{ PATH: process.env.PATH, ...fleetEnv, BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey },
    ...{ DATABASE_URL: drover.databaseUrl, REDIS_URL: drover.redisUrl, DROVER_REDIS_PREFIX: drover.redisPrefix },
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
  };
  return spawn(process.execPath, nodeArgs('workers/main.ts', ['--concurrency', '10']), {
    ...{ cwd: checkoutRoot(), env, stdio: 'ignore' },
  });
}

/** Kills workers one after another, each some time after it began to serve its queues, until it is stopped. */
function killWorkers(random: Random): { stop(): Promise<number> } {
  let stopped = false;
  let kills = 0;
  const work = (async () => {
    while (!stopped && kills < 8) {
      const worker = startWorker();
      const serves = () => drover.rows('SELECT FROM drover.workers WHERE pid = $1', worker.pid);
      while (worker.exitCode === null && (await serves()).length === 0) await sleep(50);
      await sleep(random.int(0, 1_500));
      worker.kill('SIGKILL');
      kills += 1;
    }
  })();
  return {
    async stop() {
      stopped = true;
      await work;
      return kills;
    },
  };
}

async function rollbackFile(runId: string): Promise<string> {
  const reports = await drover.control.reports(runId);
  const { name } = reports.find((report) => report.name.startsWith('rollback_migration_')) as { name: string };
  const { body } = await drover.control.report(runId, name);
  let text = '';
  if (typeof body === 'string') text = body;
  else for await (const part of body as AsyncIterable<string | Uint8Array>) text += part.toString();
  return text;
}

async function applyRollbackFile(runId: string): Promise<void> {
  const text = await rollbackFile(runId);
  const client = new pg.Client({ connectionString: drover.databaseUrl });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** What operators and the source do to one schema, in random order. */
function createActions(schema: string, random: Random) {
  const { data } = sandbox;
  const runs: string[] = [];
  const run = async (input: Parameters<Drover['run']>[0]) => {
    runs.push((await drover.run({ targetSchema: schema, only, maxFailurePercent: 100, ...input })).id);
  };
  const refusedOr = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: Error) => expect(error.message).toMatch(/read only what changed since run/));
  };
  const wrong = { fieldMap: { fields: { users: { email: ['no such field'] } } } };
  let added = 0;
  return {
    full: () => run({ strategy: 'full' }),
    incremental: () => run({ strategy: 'incremental' }),
    laterWindow: () => run({ strategy: 'incremental', since: new Date(Date.now() + 60_000).toISOString() }),
    earlierWindow: () => run({ strategy: 'full', until: new Date(Date.now() - 86_400_000).toISOString() }),
    wrongFieldMap: () => run({ strategy: 'incremental', params: wrong }),
    dryRun: () => run({ strategy: 'incremental', dryRun: true }),
    rollbackNewest: async () => {
      const id = runs.at(-1);
      if (id !== undefined) await refusedOr(drover.control.rollback(id, { reason, dryRun: false }, operator));
      if (id !== undefined) runs.pop();
    },
    rollbackNewestByFile: async () => {
      const id = runs.pop();
      if (id !== undefined) await applyRollbackFile(id);
    },
    rollbackAny: async () => {
      if (runs.length > 0)
        await refusedOr(drover.control.rollback(random.pick(runs), { reason, dryRun: false }, operator));
    },
    changeSource: async () => {
      data.modify('user', random.pick(data.ids('user')), { 'Modified Date': new Date().toISOString() });
      added += 1;
      const email = `added-${schema}-${added}@example.com`;
      data.insert('user', { ...model(), _id: undefined, email, authentication: { email: { email } } });
    },
  };
}

/** Fields of a valid user without a password. */
function model(): Record<string, unknown> {
  const { data, manifest } = sandbox;
  const id = data.ids('user').find((one) => manifest.types.user.verdicts[one] === undefined) as string;
  const {
    _id,
    'Created Date': _created,
    'Modified Date': _modified,
    password: _password,
    ...fields
  } = data.get('user', id) as Record<string, unknown>;
  return fields;
}

const emails = async (schema: string) =>
  (await drover.rows(`SELECT email FROM ${schema}.users ORDER BY email`)).map(({ email }) => email);

test.each([1, 2])(
  'after any order of runs, windows, field maps and rollbacks an incremental run leaves nothing out (seed %i)',
  async (seed) => {
    const random = new Random(seed);
    const actions = Object.entries(createActions(`chaos_${seed}`, random));
    const killer = killWorkers(random.fork('kills'));
    const done: string[] = [];
    try {
      for (let n = 0; n < 10; n += 1) {
        const [name, action] = random.pick(actions);
        done.push(name);
        await action();
      }
      await drover.run({ targetSchema: `chaos_${seed}`, only, strategy: 'incremental' });
    } finally {
      expect(await killer.stop()).toBeGreaterThan(0);
    }
    await drover.run({ targetSchema: `whole_${seed}`, only, strategy: 'full' });
    expect({ done, emails: await emails(`chaos_${seed}`) }).toEqual({ done, emails: await emails(`whole_${seed}`) });
  },
  400_000,
);
