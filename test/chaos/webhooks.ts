import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { signatureHeader } from '../../src/sandbox/stripe/webhooks.ts';
import type { RunnableScenario } from './bubble.ts';
import { type CatalogExperiment, startCatalogExperiment } from './catalog.ts';
import type { ChaosEnvironment } from './environment.ts';
import type { ExperimentOptions } from './experiment.ts';
import { apiMutants } from './mutants.ts';
import { checkInbox } from './oracle/inbox.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from './result.ts';

// Each makes some three events, and each event is sent fifty times.
const maxProducts = 40;
const secret = 'whsec_of_the_drill';
const inboxTimeoutMs = 60_000;

/** A scenario of events that arrive. */
export function runnableWebhookScenario(scenario: WebhookScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (environment, options) => runWebhookExperiment(environment, scenario, options) };
}

async function runWebhookExperiment(
  environment: ChaosEnvironment,
  scenario: WebhookScenario,
  given: ExperimentOptions,
): Promise<ExperimentResult> {
  const options = { ...given, records: Math.min(given.records, maxProducts) };
  const moved = await startCatalogExperiment(environment, { ...scenario, stripe: {} }, options);
  let api: ApiProcess | undefined;
  try {
    const began = Date.now();
    const status = await waitForRunEnd(moved, began);
    api = await startApiProcess({
      script: apiScript(options),
      env: { ...moved.workerEnv, STRIPE_WEBHOOK_SECRET: `${secret}, whsec_the_next_one` },
      logFile: join(moved.folder, 'api.log'),
    });
    const experiment: WebhookExperiment = { ...moved, api, secret };
    const sent = await scenario.sendEvents(experiment);
    await waitForInbox(experiment);
    const seconds = (Date.now() - began) / 1_000;
    moved.runEnded.abort();
    const wrong = [
      ...(await checkRunEnd(moved, status, moved.expectation)),
      ...checkWorkerDeaths(moved),
      ...sent.problems,
    ];
    const finding = await checkInbox(moved, moved.probe);
    return await makeResult(moved, scenario.name, seconds, moved.expectation, {
      status,
      wrong,
      finding,
      faults: sent.faults,
    });
  } finally {
    await api?.stop();
    await moved.close();
  }
}

function apiScript({ without }: ExperimentOptions): readonly string[] {
  if (without === undefined || !(without in apiMutants)) return ['src/api/server.ts'];
  return ['test/chaos/chaos-api.ts', '--without', without];
}

async function waitForInbox({ probe }: WebhookExperiment): Promise<void> {
  const deadline = Date.now() + inboxTimeoutMs;
  const open = 'SELECT count(*)::int AS n FROM drover.inbox WHERE due_at IS NOT NULL';
  while ((await probe.query<{ n: number }>(open))[0]?.n !== 0 && Date.now() < deadline) await sleep(200);
}

/** A catalogue that has been moved, an API that receives Stripe's events, and workers that apply them. */
export interface WebhookExperiment extends CatalogExperiment {
  readonly api: ApiProcess;
  /** What signs events; the older of the API's two secrets. */
  readonly secret: string;
}

/** One way in which events can arrive. */
export interface WebhookScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  /** Sends what it has to. Answers how many deliveries were none that should count, and what the endpoint did wrong. */
  sendEvents(experiment: WebhookExperiment): Promise<{ readonly faults: number; readonly problems: readonly string[] }>;
}

export type StripeEvent = Readonly<Record<string, unknown>>;

/** One request to the endpoint: its body as it is sent, and the signature that goes with it. */
export interface Delivery {
  readonly body: string | Buffer;
  readonly signature: string;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** An event as Stripe sends it. */
export function signEvent(event: StripeEvent, secret: string, at = nowSeconds()): Delivery {
  const body = JSON.stringify(event);
  return { body, signature: signatureHeader(body, secret, at) };
}

/** Sends all, so many at once, each until it is answered with something else than "later"; answers how often which status came. */
export async function sendAll(url: string, deliveries: readonly Delivery[]): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let at = next++; at < deliveries.length; at = next++) {
      const status = await sendUntilAnswered(url, deliveries[at] as Delivery);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sender));
  return statuses;
}

const concurrency = 50;
const maxAttempts = 40;

async function sendUntilAnswered(url: string, { body, signature }: Delivery): Promise<number> {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature };
  let status = 0;
  for (let n = 0; n < maxAttempts; n += 1) {
    status = await fetch(`${url}/api/v1/webhooks/stripe`, { method: 'POST', headers, body: Buffer.from(body) }).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      },
      () => 0,
    );
    if (status !== 429 && status !== 0 && status < 500) break;
    await sleep(100);
  }
  return status;
}

/** One real API process. */
interface ApiProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ApiProcessOptions {
  /** The script and its arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** Starts it on a free port. Throws when it ends before it listens. */
async function startApiProcess({ script, env, logFile }: ApiProcessOptions): Promise<ApiProcess> {
  const [file = '', ...args] = script;
  const child = spawn(process.execPath, nodeArgs(file, args), {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  const ended = exit.then(() => {
    throw new Error(`the API ended before it listened; see ${logFile}`);
  });
  const url = await Promise.race([waitForUrl(child, createWriteStream(logFile, { flags: 'a' })), ended]);
  ended.catch(() => undefined);
  return {
    url,
    async stop() {
      process.off('exit', orphaned);
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function waitForUrl(child: ChildProcess, log: WriteStream): Promise<string> {
  child.stderr?.pipe(log);
  return new Promise((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      const [, url] = /Drover API: (http:\S+)/.exec(String(chunk)) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
}
