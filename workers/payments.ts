import { setTimeout as sleep } from 'node:timers/promises';
import { toDroverError } from '../src/errors.ts';
import { workOnLink } from '../src/payments/link/work.ts';
import { paymentSchemas } from '../src/payments/payments.sql.ts';
import { foldStatistics } from '../src/payments/statistics.sql.ts';
import type { Services } from './services.ts';

export interface PaymentsWorker {
  /** Resolves when the current round has ended. */
  stop(): Promise<void>;
}

// The totals are late by as much; figures that are read are exact at once.
const pollIntervalMs = 1_000;
// The schemas change with a new migration only.
const schemasEveryMs = 5_000;

/** What goes on after a migration of payments, in every worker process: statistics are folded and links are filled. */
export function startPayments(services: Services, databaseUrl: string): PaymentsWorker {
  const { config, database, target, logger } = services;
  const stopping = new AbortController();
  const { signal } = stopping;
  const deps = { pool: target.$client, url: config.targetDatabaseUrl ?? databaseUrl, signal };
  let schemas: readonly string[] = [];
  let readAt = 0;

  async function round(): Promise<boolean> {
    if (Date.now() - readAt > schemasEveryMs) {
      schemas = await paymentSchemas(database, target.$client);
      readAt = Date.now();
    }
    let worked = false;
    for (const schema of schemas) {
      // A link takes long; statistics are folded beside it, by this process too.
      links.set(schema, links.get(schema) ?? linkOf(schema));
      worked = (await foldStatistics(target.$client, schema)) > 0 || worked;
    }
    return worked;
  }

  const links = new Map<string, Promise<void>>();
  const linkOf = (schema: string): Promise<void> =>
    workOnLink(deps, schema)
      .catch((error: unknown) => logger.warn({ err: toDroverError(error), schema }, 'the link could not be worked on'))
      .then(() => void links.delete(schema));

  const work = async (): Promise<void> => {
    while (!signal.aborted) {
      const worked = await round().catch((error: unknown) => {
        logger.warn({ err: toDroverError(error) }, 'folding statistics failed; tried again');
        return false;
      });
      if (!worked) await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(links.values());
  };
  const done = work();
  return {
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
