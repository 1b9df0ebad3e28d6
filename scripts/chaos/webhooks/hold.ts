import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCatalogExperiment } from '../catalog/drill.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from '../ending.ts';
import type { RunnableScenario } from '../exercise.ts';
import type { ChaosEnvironment } from '../ground.ts';
import { apiMutants } from '../mutants/index.ts';
import { checkInbox } from '../oracle/inbox.ts';
import type { ExperimentOptions } from '../running.ts';
import { type ApiProcess, startApiProcess } from './api-process.ts';
import type { WebhookExperiment, WebhookScenario } from './scenario.ts';

// Each makes some three events, and each event is sent fifty times.
const maxProducts = 40;
const secret = 'whsec_of_the_drill';
const inboxTimeoutMs = 60_000;

/** A scenario of events that arrive. */
export function runnableWebhookScenario(scenario: WebhookScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (ground, options) => runWebhookExperiment(ground, scenario, options) };
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
    const drill: WebhookExperiment = { ...moved, api, secret };
    const sent = await scenario.sendEvents(drill);
    await waitForInbox(drill);
    const seconds = (Date.now() - began) / 1_000;
    moved.runEnded.abort();
    const wrong = [
      ...(await checkRunEnd(moved, status, moved.expectation)),
      ...checkWorkerDeaths(moved),
      ...sent.problems,
    ];
    const finding = await checkInbox(moved, moved.probe);
    return await makeResult(moved, scenario.name, seconds, moved.expectation, { wrong, finding, faults: sent.faults });
  } finally {
    await api?.stop();
    await moved.close();
  }
}

function apiScript({ without }: ExperimentOptions): readonly string[] {
  if (without === undefined || !(without in apiMutants)) return ['src/api/server.ts'];
  return ['scripts/chaos/drilled-api.ts', '--without', without];
}

async function waitForInbox({ probe }: WebhookExperiment): Promise<void> {
  const deadline = Date.now() + inboxTimeoutMs;
  const open = 'SELECT count(*)::int AS n FROM drover.inbox WHERE due_at IS NOT NULL';
  while ((await probe.query<{ n: number }>(open))[0]?.n !== 0 && Date.now() < deadline) await sleep(200);
}
