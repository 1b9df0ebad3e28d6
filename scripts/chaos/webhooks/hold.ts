import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCatalogDrill } from '../catalog/drill.ts';
import { judgeDeaths, judgeEnd, type Result, resultOf, untilEnded } from '../ending.ts';
import type { Exercise } from '../exercise.ts';
import type { Ground } from '../ground.ts';
import { apiMutants } from '../mutants/index.ts';
import { checkInbox } from '../oracle/inbox.ts';
import type { DrillOptions } from '../running.ts';
import { type ApiProcess, startApiProcess } from './api-process.ts';
import type { WebhookDrill, WebhookScenario } from './scenario.ts';

// Each makes some three events, and each event is sent fifty times.
const mostProducts = 40;
const secret = 'whsec_of_the_drill';
const patienceMs = 60_000;

/** A scenario of events that arrive. */
export function webhooks(scenario: WebhookScenario): Exercise {
  const { name, summary } = scenario;
  return { name, summary, hold: (ground, options) => hold(ground, scenario, options) };
}

async function hold(ground: Ground, scenario: WebhookScenario, given: DrillOptions): Promise<Result> {
  const options = { ...given, records: Math.min(given.records, mostProducts) };
  const moved = await openCatalogDrill(ground, { ...scenario, stripe: {} }, options);
  let api: ApiProcess | undefined;
  try {
    const began = Date.now();
    const status = await untilEnded(moved, began);
    api = await startApiProcess({
      script: scriptOf(options),
      env: { ...moved.env, STRIPE_WEBHOOK_SECRET: `${secret}, whsec_the_next_one` },
      logFile: join(moved.folder, 'api.log'),
    });
    const drill: WebhookDrill = { ...moved, api, secret };
    const sent = await scenario.send(drill);
    await untilSettled(drill);
    const seconds = (Date.now() - began) / 1_000;
    moved.over.abort();
    const wrong = [...(await judgeEnd(moved, status, moved.expectation)), ...judgeDeaths(moved), ...sent.problems];
    const finding = await checkInbox(moved, moved.probe);
    return await resultOf(moved, scenario.name, seconds, moved.expectation, { wrong, finding, faults: sent.faults });
  } finally {
    await api?.stop();
    await moved.close();
  }
}

function scriptOf({ without }: DrillOptions): readonly string[] {
  if (without === undefined || !(without in apiMutants)) return ['src/api/server.ts'];
  return ['scripts/chaos/drilled-api.ts', '--without', without];
}

async function untilSettled({ probe }: WebhookDrill): Promise<void> {
  const deadline = Date.now() + patienceMs;
  const open = 'SELECT count(*)::int AS n FROM drover.inbox WHERE due_at IS NOT NULL';
  while ((await probe.ask<{ n: number }>(open))[0]?.n !== 0 && Date.now() < deadline) await sleep(200);
}
