import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeArgs } from '../../../scripts/stack/compiled.ts';
import { formatToken, generateToken } from '../../../src/api/auth/keys.ts';
import type { CutoverView } from '../../../src/contract/cutover.ts';
import { type CommandResult, runDrover as cli } from '../../helpers/cli.ts';
import { type Launch, startLaunch } from './launch-drover.ts';

/** The runbook's plan. */
const plan = 'launch';

let launch: Launch;
let api: ApiProcess;
const key = formatToken(generateToken());

beforeAll(async () => {
  launch = await startLaunch(0.005);
  api = await startApiProcess();
  // What the business has today: the tables that are live, and something of its own that points at them.
  await launch.run({ plan, targetSchema: plan });
  await sql(`CREATE TABLE ${plan}.sessions (id int PRIMARY KEY, user_id uuid CONSTRAINT sessions_user REFERENCES ${plan}.users (id));
    CREATE VIEW ${plan}.names AS SELECT id, email FROM ${plan}.users;`);
}, 180_000);
afterAll(async () => {
  api.child.kill('SIGKILL');
  await launch.close();
});

describe('the runbook', () => {
  it('holds from its first command to its last', async () => {
    const text = await readFile(new URL('../../../docs/runbook-launch.md', import.meta.url), 'utf8');
    const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
      (block ?? '').trim().split('\n'),
    );
    expect(commands.length).toBeGreaterThan(15);
    const known = { RUN: '', STAMP: '' };
    for (const command of commands) {
      const ran = await drover(...words(command, known));
      // 1: records were rejected, which the sandbox's data is full of; a doctor who sees an old key; rows written live.
      const good = codesOf(command).includes(ran.code) && !/^[A-Z_]+: /m.test(ran.stderr);
      expect({ command, said: good ? '' : `${ran.code} ${ran.stdout} ${ran.stderr} ${api.log()}` }).toEqual({
        command,
        said: '',
      });
      known.RUN = /\brun (r[0-9a-z]{12,})\b/.exec(ran.stdout)?.[1] ?? known.RUN;
      if (!command.startsWith('drover cutovers'))
        known.STAMP = / (\d{4}(?:_\d+){6}) of /.exec(ran.stdout)?.[1] ?? known.STAMP;
      if (command.includes(' go ') || command.includes('second try')) await theShopOpens();
    }
    const kinds = await sql(`SELECT kind || ' ' || status AS a FROM drover.cutovers ORDER BY stamp`);
    expect(kinds).toEqual(['cutover restored', 'rollback done', 'cutover dropped']);
  }, 240_000);

  it('left the new tables live, all that was written, and nothing that was not planned', async () => {
    expect(await sql(`SELECT result -> 'unplanned' FROM drover.cutovers`)).toEqual([[], [], []]);
    expect(await sql(`SELECT count(*)::int FROM ${plan}.names WHERE email LIKE 'new-%'`)).toEqual([1000]);
    expect(await sql(`SELECT count(*)::int FROM ${plan}.sessions s JOIN ${plan}.users u ON u.id = s.user_id`)).toEqual([
      2,
    ]);
    await expect(sql(`INSERT INTO ${plan}.sessions VALUES (99, gen_random_uuid())`)).rejects.toThrow('sessions_user');
    expect(await sql(`SELECT nspname FROM pg_namespace WHERE nspname LIKE '%backup%'`)).toEqual([]);
  });
});

describe('an API that is killed in the middle of a cutover', () => {
  let blocker: pg.Client;
  let stamp: string;

  it('leaves the live tables as they were, and says so when it is started again', async () => {
    // The next launch: a whole run into the emptied staging schema. It knows nobody who signed up since the first.
    await sql(`DELETE FROM ${plan}.sessions`);
    const run = await launch.run({ plan, targetSchema: `${plan}_staging` });
    expect((await drover('validate', run.id)).code).toBe(0);
    blocker = new pg.Client({ connectionString: launch.databaseUrl });
    await blocker.connect();
    await blocker.query(`BEGIN; SELECT FROM ${plan}.users LIMIT 1`);
    const launching = drover('cutover', plan, '--reason', 'second launch', '--max-shrink', '100', '--yes');
    let ended: CommandResult | undefined;
    void launching.then((ran) => {
      ended = ran;
    });
    while ((await newest())?.progress?.phase !== 'swap') {
      expect(ended?.stderr).toBeUndefined();
      await sleep(20);
    }
    const live = await sql(`SELECT '${plan}.users'::regclass::oid::int`);
    api.child.kill('SIGKILL');
    await once(api.child, 'exit');
    api = await startApiProcess(api.port);
    // Whoever was following is told as well.
    expect((await launching).stdout).toContain('interrupted');
    const left = await newest();
    expect(left).toMatchObject({ status: 'interrupted', nextActions: ['go', 'abandon'] });
    expect(api.log()).toContain(`${left?.stamp}`);
    expect(await sql(`SELECT '${plan}.users'::regclass::oid::int`)).toEqual(live);
    stamp = left?.stamp ?? '';
  }, 120_000);

  it('blocks the next one until a person says what becomes of it', async () => {
    const refused = await drover('cutover', plan, '--reason', 'another', '--yes');
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(`the cutover ${stamp} was interrupted`);
  });

  it('goes on at a word', async () => {
    await blocker.query('COMMIT');
    await blocker.end();
    const gone = await drover('cutover', 'go', stamp, '--reason', 'go on', '--json');
    expect(gone.json<CutoverView>()).toMatchObject({ stamp, status: 'done', unplanned: [] });
    expect(gone.code).toBe(0);
  });
});

async function newest(): Promise<CutoverView | undefined> {
  const ran = await drover('cutovers', '--json');
  return ran.code === 0 ? ran.json<{ items: CutoverView[] }>().items[0] : undefined;
}

/** A thousand customers sign up, one changes and one is given a session. */
async function theShopOpens(): Promise<void> {
  const before = await sql(`SELECT count(*)::int FROM ${plan}.sessions`);
  if (before[0] === 0)
    await sql(
      `WITH new AS (INSERT INTO ${plan}.users (id, email) SELECT gen_random_uuid(), 'new-' || g || '@example.com' FROM generate_series(1, 1000) g
         RETURNING id, email)
       INSERT INTO ${plan}.unified_profiles (id, email, status) SELECT id, email, 'active' FROM new`,
    );
  await sql(
    `UPDATE ${plan}.unified_profiles SET status = 'paused' WHERE id IN (SELECT id FROM ${plan}.unified_profiles ORDER BY id LIMIT 3)`,
  );
  await sql(
    `INSERT INTO ${plan}.sessions SELECT (SELECT count(*) FROM ${plan}.sessions), id FROM ${plan}.users WHERE email LIKE 'new-%' LIMIT 1`,
  );
}

const codesOf = (command: string): readonly number[] =>
  /^drover (doctor|run|validate|cutover rollback)/.test(command) ? [0, 1] : [0];

/** `drover` and the words after it, quotes taken off, RUN and STAMP put in. */
function words(command: string, known: Readonly<Record<'RUN' | 'STAMP', string>>): string[] {
  const parts = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  expect(parts.shift()).toBe('drover');
  return parts.map((part) => (part === 'RUN' || part === 'STAMP' ? known[part] : part));
}

async function sql(text: string): Promise<unknown[]> {
  const { rows } = await launch.database.$client.query(text);
  return (rows ?? []).map((row) => Object.values(row)[0]);
}

function drover(...args: readonly string[]): Promise<CommandResult> {
  return cli(`http://127.0.0.1:${api.port}`, args, { env: { DROVER_TOKEN: key } });
}

interface ApiProcess {
  readonly child: ChildProcess;
  readonly port: number;
  log(): string;
}

/** The real API in a process of its own. */
async function startApiProcess(port?: number): Promise<ApiProcess> {
  const own = port ?? (await freePort());
  const child = spawn(process.execPath, nodeArgs('src/api/server.ts'), {
    env: {
      ...{ PATH: process.env.PATH ?? '', PORT: String(own), DROVER_ADMIN_KEY: key, LOG_LEVEL: 'warn' },
      ...{
        DATABASE_URL: launch.databaseUrl,
        REDIS_URL: launch.redisUrl,
        DROVER_REDIS_PREFIX: launch.redisPrefix,
      },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  while (!log.includes('Drover API:')) {
    if (child.exitCode !== null) throw new Error(`the API ended: ${log}`);
    await sleep(20);
  }
  return { child, port: own, log: () => log };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
