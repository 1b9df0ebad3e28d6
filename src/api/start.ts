import type { FastifyError } from 'fastify';
import { migrateDatabase } from '../../db/migrate.ts';
import { DroverError } from '../errors.ts';
import { buildApp } from './app.ts';
import { ensureAdminKey, type FirstKey } from './auth/keys.ts';
import { type ApiServices, openApiServices, type ServiceOptions } from './services.ts';
import type { Api } from './types.ts';

export interface RunningApi {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  readonly firstKey: FirstKey;
  /** Waits for running requests, ends event streams, and closes all connections. */
  stop(): Promise<void>;
}

const purgeIntervalMs = 3_600_000;

/** Applies migrations, opens all connections and listens. Throws DroverError where it cannot. */
export async function startApi(options: ServiceOptions): Promise<RunningApi> {
  const { config, logger, databaseUrl } = options;
  for (const each of new Set([databaseUrl, config.targetDatabaseUrl ?? databaseUrl])) {
    await migrateDatabase(each).catch(throwDatabaseUnavailable);
  }
  const services = await openApiServices(options);
  try {
    const firstKey = await ensureAdminKey(services.keys, config.adminKey);
    const app = await buildApp(services);
    const url = await listen(app, config.host, config.port);
    void recoverCutovers(services);
    const purge = setInterval(() => {
      Promise.all([services.idempotency.purge(), services.endedSessions.purge()]).catch((error: unknown) =>
        logger.warn({ err: error }, 'expired idempotency keys and sessions could not be deleted'),
      );
    }, purgeIntervalMs);
    purge.unref();
    return {
      url,
      firstKey,
      async stop() {
        clearInterval(purge);
        await app.close();
        await services.close();
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
}

/**
 * Recovers cutovers that a dead process left unfinished: steps after a swap are completed, the status of what stopped before
 * its swap is logged.
 */
async function recoverCutovers({ cutovers, logger }: Pick<ApiServices, 'cutovers' | 'logger'>): Promise<void> {
  try {
    for (const { stamp, kind, status } of await cutovers.recover())
      logger.warn(`the ${kind} ${stamp} is ${status}: continue it with "go", or abandon it (drover help cutover)`);
  } catch (error) {
    logger.warn({ err: error }, 'unfinished cutovers could not be read');
  }
}

async function listen(app: Api, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const { code } = error as Partial<FastifyError>;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    throw new DroverError('CONFIGURATION', `the API cannot listen on ${host}:${port} (${code})`, {
      cause: error,
      remedy: 'Another process uses the port, or this user may not open it: set PORT to another one.',
    });
  }
}

function throwDatabaseUnavailable(error: unknown): never {
  const { code } = error as { code?: string };
  throw new DroverError(
    'DATABASE_UNAVAILABLE',
    `the migrations of PostgreSQL could not be applied (${code ?? 'no answer'})`,
    {
      cause: error,
    },
  );
}
