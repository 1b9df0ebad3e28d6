import { setTimeout as sleep } from 'node:timers/promises';
import { transaction } from '../db/sql.ts';
import { entityOf, identityScope } from '../src/engine/runs/context.ts';
import {
  consumeInbox,
  createProductHandler,
  isProductEvent,
  type WebhookHandler,
} from '../src/engine/webhooks/inbox.ts';
import { namedRows, runsBySchema } from '../src/engine/webhooks/store.ts';
import type { HandlerDeps, LeasedEvent, MirroredEntity, MirroredRow } from '../src/engine/webhooks/types.ts';
import { DroverError, toDroverError } from '../src/errors.ts';
import { paymentSchemas } from '../src/payments/payments.sql.ts';
import type { PaymentTools } from '../src/payments/types.ts';
import { createPaymentHandler, isPaymentEvent } from '../src/payments/webhook-handlers.ts';
import type { ObservedObject } from '../src/plan/api-target.ts';
import { stripeApiVersion } from '../src/upstreams/stripe/objects.ts';
import type { Services } from './services.ts';

export interface InboxWorker {
  /** Resolves when the current round has ended. */
  stop(): Promise<void>;
}

const schemasMaxAgeMs = 1_000;
// Stripe sends an event for three days; by then the event of the payment itself has come, if it ever does.
const eventHorizonMs = 3 * 24 * 3_600_000;
// One index scan by every process; the longest time an event waits when no other event precedes it.
const pollIntervalMs = 1_000;

/** Processes webhook events from the inbox, in every worker process; no event is held by two. */
export function startInbox(services: Services): InboxWorker {
  const { config, inbox, logger } = services;
  const deps = { queue: inbox.queue, handlerOf: createHandlers(services), leaseMs: config.lockDurationMs };
  const stopping = new AbortController();
  const round = (): Promise<number> =>
    consumeInbox(deps).catch((error: unknown) => {
      logger.warn({ err: toDroverError(error) }, 'processing the inbox failed; tried again');
      return 0;
    });
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if ((await round()) === 0)
        await sleep(pollIntervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const done = work();
  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}

/** The handler of each event. Those of one kind are handled together. */
function createHandlers(services: Services): (event: LeasedEvent) => WebhookHandler | undefined {
  const products = createProductHandler(createHandlerTools(services));
  const payments = createPaymentHandler(createPaymentTools(services));
  return ({ type }) => (isProductEvent(type) ? products : isPaymentEvent(type) ? payments : undefined);
}

function createPaymentTools({ config, database, target, inbox }: Services): PaymentTools {
  // They change with a new migration only, and are asked for with every event. That there are none is never remembered: an event
  // that finds none is ignored for good.
  let known: readonly string[] = [];
  let readAt = 0;
  return {
    async schemas() {
      if (known.length === 0 || Date.now() - readAt > schemasMaxAgeMs) {
        known = await paymentSchemas(database, target.$client);
        readAt = Date.now();
      }
      return known;
    },
    transaction: (work) => transaction(inbox.target.$client, work),
    objects: inbox.paymentObjects,
    livemode: livemodeOf(config.settings.STRIPE_SECRET_KEY),
    apiVersion: stripeApiVersion,
    horizonMs: eventHorizonMs,
  };
}

/** The handlers' access to rows and upstreams. */
function createHandlerTools(services: Services): HandlerDeps {
  return {
    rows: (mirror, objectIds) => findMirroredRows(services, mirror, objectIds),
    fetchCurrent: (rows) => observeRows(services, rows),
    livemode: livemodeOf(services.config.settings.STRIPE_SECRET_KEY),
  };
}

async function findMirroredRows(
  { database, target, plans }: Services,
  { plan: name, entity, column }: MirroredEntity,
  objectIds: readonly string[],
): Promise<ReadonlyMap<string, MirroredRow>> {
  const plan = plans.all().find((one) => one.name === name);
  const found = new Map<string, MirroredRow>();
  if (plan === undefined) return found;
  const { table } = entityOf(plan, entity).target;
  for (const { id: runId, targetSchema } of await runsBySchema(database, name)) {
    const missing = objectIds.filter((id) => !found.has(id));
    if (missing.length === 0) break;
    const place = { schema: targetSchema, table, scope: identityScope(name, targetSchema), entity, column };
    for (const { object, ...row } of await namedRows(target.$client, place, missing)) {
      found.set(object, { plan: name, entity, runId, targetSchema, ...row });
    }
  }
  return found;
}

/** Reads the current objects of rows, each through the API port of its run. */
async function observeRows(services: Services, rows: readonly MirroredRow[]): Promise<readonly ObservedObject[]> {
  const objectByRow = new Map<MirroredRow, ObservedObject>();
  for (const runId of new Set(rows.map((row) => row.runId))) {
    const some = rows.filter((row) => row.runId === runId);
    const observed = await observeRowsOfRun(services, runId, some);
    for (const [index, row] of some.entries()) objectByRow.set(row, observed[index] as ObservedObject);
  }
  return rows.map((row) => objectByRow.get(row) as ObservedObject);
}

async function observeRowsOfRun(
  { runs, plans, inbox }: Services,
  runId: string,
  rows: readonly MirroredRow[],
): Promise<readonly ObservedObject[]> {
  const run = await runs.find(runId);
  const [first] = rows;
  if (run === undefined || first === undefined) throw new DroverError('NOT_FOUND', `there is no run ${runId} any more`);
  const port = inbox.apis(plans.get(run.plan), run, first.entity);
  if (!port.observe) throw new DroverError('INTERNAL', `${first.entity} of plan ${run.plan} cannot be observed`);
  return port.observe(rows);
}

function livemodeOf(key: string | undefined): boolean | undefined {
  const mode = /^[a-z]+_(live|test)_/.exec(key?.trim() ?? '')?.[1];
  return mode === undefined ? undefined : mode === 'live';
}
