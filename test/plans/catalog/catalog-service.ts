import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApi } from '../../../src/api/start.ts';
import { readConfig } from '../../../src/config.ts';
import { createLogger } from '../../../src/logger.ts';
import { loadPlans } from '../../../src/plan/registry.ts';
import type { Catalog } from '../../helpers/catalog-drover.ts';
import { type CommandResult, runDrover } from '../../helpers/cli.ts';

const key = 'admin.a-secret-for-tests-of-32-characters';

/** The API over a catalogue's stores, and the command line before it. */
export interface CatalogService {
  readonly url: string;
  /** What it is asked with: `Bearer ...`. */
  readonly authorization: string;
  /** Where commands leave their logs and reports. */
  readonly folder: string;
  /** Runs a command line against it, in its folder. */
  command(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
}

export async function startCatalogService(
  catalog: Catalog,
  env: Readonly<Record<string, string>> = {},
): Promise<CatalogService> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-catalog-service-'));
  const config = readConfig({ ...catalog.env, PORT: '0', DROVER_ADMIN_KEY: key, ...env });
  const api = await startApi({
    ...{ config, databaseUrl: config.databaseUrl as string, redisUrl: config.redisUrl as string },
    ...{ plans: await loadPlans(), version: '0', logger: createLogger({ level: 'silent', service: 'test' }) },
  });
  return {
    ...{ url: api.url, authorization: `Bearer ${key}`, folder },
    command: (...args) => runDrover(api.url, args, { env: { DROVER_TOKEN: key }, cwd: folder }),
    async stop() {
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
