import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Client, createClient } from '../src/cli/client.ts';
import { Problem } from '../src/cli/problem.ts';
import { createProgressDisplay } from '../src/cli/progress.ts';
import { finishedStatuses } from '../src/contract/run-status.ts';
import type { FailureGroup, Page, RunView } from '../src/contract/runs.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../src/sandbox/bubble/sandbox.ts';
import { type Children, createChildren, workerFlags } from './child-processes.ts';
import { checkRun } from './demo/check.ts';
import { renderSummaryScreen } from './demo/summary-screen.ts';
import { guardChildren } from './stack/guard.ts';
import { freePort } from './stack/port.ts';
import { stopOnSignals } from './stack/process.ts';
import { resolveServices, type Services, ServicesUnavailable } from './stack/services.ts';

const help = `Usage: npm run demo [-- --exit] [-- --users N]

Starts PostgreSQL, Redis, a sandbox of a Bubble app, the API and two workers, and moves the app
into PostgreSQL. The services stay up for a look around until Ctrl-C.

  --exit      end after the migration: 0 when everything checks out, 1 when not
  --users N   size of the app (default 5000: 32,000 records in all)
  --workers N worker processes (default 2)`;

interface Demo {
  readonly services: Services;
  readonly sandbox: BubbleSandbox;
  readonly children: Children;
  readonly api: Client;
  readonly key: string;
  readonly reportDir: string;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      exit: { type: 'boolean' },
      users: { type: 'string' },
      workers: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const users = wholeNumber(values.users, 5_000);
  const workers = wholeNumber(values.workers, 2);
  guardChildren();
  const demo = await startDemo(users, workers);
  const stop = () => stopDemo(demo);
  stopOnSignals(stop);
  const problems = await migrate(demo).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  if (values.exit) {
    await stop();
    return problems.length === 0 ? 0 : 1;
  }
  console.log('\nEverything stays up for a look around; Ctrl-C ends it.');
  const ended = await demo.children.ended;
  console.error(`The ${ended} ended; stopping the rest.`);
  await stop();
  return 1;
}

function wholeNumber(text: string | undefined, usual: number): number {
  const value = Number(text ?? usual);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ServicesUnavailable(`${text} is no whole number.\n\n${help}`);
}

async function startDemo(users: number, workers: number): Promise<Demo> {
  // A stack of its own: a worker of `npm start` must not take up the demo's run, nor the demo's worker a real one.
  const services = await resolveServices(process.env, { dir: resolve('.drover/demo') });
  console.log(services.saidInOneSentence);
  const sandbox = await startBubbleSandbox({ users });
  const total = Object.values(sandbox.manifest.types).reduce((sum, type) => sum + type.total, 0);
  console.log(`Started a sandbox of a Bubble app with ${users} users, ${total} records in all, at ${sandbox.url}.`);
  const key = randomBytes(24).toString('base64url');
  const port = await freePort(Number(process.env.PORT ?? 3000));
  const reportDir = resolve('migration_reports');
  const env = {
    DATABASE_URL: services.databaseUrl,
    REDIS_URL: services.redisUrl,
    DROVER_ADMIN_KEY: key,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    BUBBLE_API_URL: sandbox.url,
    BUBBLE_API_KEY: sandbox.apiKey,
    MIGRATION_REPORT_DIR: reportDir,
    MIGRATION_EXPORT_DIR: resolve('migration_data'),
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
    PORT: String(port),
  };
  const children = createChildren();
  children.start('api', 'src/api/server.ts', env);
  for (let n = 1; n <= workers; n += 1) children.start(`worker ${n}`, 'workers/main.ts', env, workerFlags);
  const api = createClient({ url: `http://127.0.0.1:${port}`, token: key });
  const demo = { services, sandbox, children, api, key, reportDir };
  await untilReady(demo);
  return demo;
}

async function untilReady({ api, children }: Demo): Promise<void> {
  let ended: string | undefined;
  void children.ended.then((name) => {
    ended = name;
  });
  for (let tries = 0; tries < 240; tries += 1) {
    if (ended !== undefined)
      throw new ServicesUnavailable(`The ${ended} ended before it was ready; what it said is above.`);
    const ready = await api.request('GET', '//readyz').then(
      () => true,
      () => false,
    );
    if (ready) return;
    await sleep(250);
  }
  throw new ServicesUnavailable('The API was not ready after a minute; what it said is above.');
}

async function migrate(demo: Demo): Promise<readonly string[]> {
  const { api, sandbox } = demo;
  const targetSchema = `demo_${Date.now().toString(36)}`;
  // The sandbox is ours and asks for no mercy.
  await api.request('PATCH', '/upstreams/bubble', { body: { maxRps: 200, reason: 'a sandbox on this machine' } });
  const started = performance.now();
  const begun = await api.request<RunView>('POST', '/runs', { body: { plan: 'bubble', targetSchema } });
  const run = await follow(api, begun.id);
  const seconds = (performance.now() - started) / 1_000;
  if (run.status === 'failed') throw new ServicesUnavailable(`The run failed: ${run.reason}`);
  const { items: failures } = await api.get<Page<FailureGroup>>(`/runs/${run.id}/failures`);
  const problems = await checkRun(api, run, sandbox.manifest);
  console.log(
    renderSummaryScreen({ run, failures, seconds, url: api.url, key: demo.key, reportDir: demo.reportDir, problems }),
  );
  return problems;
}

async function follow(api: Client, id: string): Promise<RunView> {
  const display = createProgressDisplay(process.stdout, { inPlace: process.stdout.isTTY === true });
  for (;;) {
    const run = await api.get<RunView>(`/runs/${id}`);
    display.show(run);
    if (finishedStatuses.includes(run.status)) {
      display.end();
      return run;
    }
    await sleep(500);
  }
}

async function stopDemo({ children, sandbox, services }: Demo): Promise<void> {
  await children.stop();
  await sandbox.close();
  await services.stop();
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ServicesUnavailable || error instanceof Problem ? error.message : error);
    process.exit(1);
  },
);
