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
  /** Lets requests under way end, hangs up on who only listens, and closes everything. */
  stop(): Promise<void>;
}

const purgeIntervalMs = 3_600_000;

/** Brings the database up to date, opens everything and listens. Throws DroverError where it cannot. */
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
      services.idempotency.purge().catch((error: unknown) => logger.warn({ err: error }, 'old answers stay for now'));
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

/** What a process that died left behind: what follows a swap is done, what comes before one is told. */
async function recoverCutovers({ cutovers, logger }: Pick<ApiServices, 'cutovers' | 'logger'>): Promise<void> {
  try {
    for (const { stamp, kind, status } of await cutovers.recover())
      logger.warn(`the ${kind} ${stamp} is ${status}: tell it to go, or abandon it (drover help cutover)`);
  } catch (error) {
    logger.warn({ err: error }, 'what earlier cutovers left could not be looked at');
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
      remedy: 'Another process has the port, or it may not be used: set PORT to another one.',
    });
  }
}

function throwDatabaseUnavailable(error: unknown): never {
  const { code } = error as { code?: string };
  throw new DroverError('DATABASE_UNAVAILABLE', `PostgreSQL cannot be brought up to date (${code ?? 'no answer'})`, {
    cause: error,
  });
}
