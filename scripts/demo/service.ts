import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '../../src/cli/client.ts';
import { createProgressDisplay } from '../../src/cli/progress.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { RunView } from '../../src/contract/runs.ts';
import { type Children, createChildren, workerFlags } from '../child-processes.ts';
import { freePort } from '../stack/port.ts';
import { type Services, ServicesUnavailable } from '../stack/services.ts';

/** The API and workers of a demo, as processes of their own. */
export interface DemoService {
  readonly children: Children;
  readonly api: Client;
  readonly key: string;
  readonly reportDir: string;
  /** Starts one more worker. */
  startWorker(name: string): ChildProcess;
}

/** Starts them and waits until the API is ready. `env` adds what the plan reads. Throws ServicesUnavailable. */
export async function startService(
  { databaseUrl, redisUrl }: Pick<Services, 'databaseUrl' | 'redisUrl'>,
  workers: number,
  env: Readonly<Record<string, string>>,
): Promise<DemoService> {
  const key = randomBytes(24).toString('base64url');
  const port = await freePort(Number(process.env.PORT ?? 3000));
  const reportDir = resolve('migration_reports');
  const all = {
    ...{ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, DROVER_ADMIN_KEY: key },
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    MIGRATION_REPORT_DIR: reportDir,
    MIGRATION_EXPORT_DIR: resolve('migration_data'),
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
    PORT: String(port),
    ...env,
  };
  const children = createChildren();
  children.start('api', 'src/api/server.ts', all);
  const startWorker = (name: string): ChildProcess => children.start(name, 'workers/main.ts', all, workerFlags);
  for (let n = 1; n <= workers; n += 1) startWorker(`worker ${n}`);
  const service = {
    children,
    api: createClient({ url: `http://127.0.0.1:${port}`, token: key }),
    key,
    reportDir,
    startWorker,
  };
  await untilReady(service);
  return service;
}

async function untilReady({ api, children }: DemoService): Promise<void> {
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

/** Shows a run until it is over. */
export async function followRun(api: Client, id: string): Promise<RunView> {
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
