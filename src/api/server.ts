import { readFile } from 'node:fs/promises';
import { readConfig } from '../config.ts';
import { DroverError, toDroverError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { loadPlans } from '../plan/registry.ts';
import { handleStopSignals } from '../signals.ts';
import type { FirstKey } from './auth/keys.ts';
import { startApi } from './start.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { databaseUrl, redisUrl } = config;
  if (!databaseUrl || !redisUrl) {
    throw new DroverError('CONFIGURATION', 'DATABASE_URL and REDIS_URL must be set; one is missing', {
      remedy: 'Set both, or use `npm run api`, which starts an embedded PostgreSQL and Redis.',
    });
  }
  const logger = createLogger({ level: config.logLevel, service: 'api' });
  const api = await startApi({
    ...{ config, databaseUrl, redisUrl, logger },
    plans: await loadPlans(),
    version: await readVersion(),
  });
  printFirstKey(api.firstKey);
  console.log(`Drover API: ${api.url} (documentation at ${api.url}/docs, queues at ${api.url}/board)`);
  stopOnSignals(api.stop, config.shutdownGraceMs);
}

/** Printed on stdout only: logs are read by more people than may have the key. */
function printFirstKey(first: FirstKey): void {
  if (first.kind === 'made') {
    console.log(`Admin key, shown only once because only its hash is stored: ${first.key}`);
  } else if (first.kind === 'given' && first.result === 'revoked') {
    console.log(`DROVER_ADMIN_KEY names the key ${first.id}, which is revoked and stays revoked.`);
  }
}

function stopOnSignals(stop: () => Promise<void>, graceMs: number): void {
  handleStopSignals(['SIGTERM', 'SIGINT'], {
    first() {
      setTimeout(() => process.exit(1), graceMs).unref();
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    },
    again: () => process.exit(1),
  });
}

/** Reads the version from package.json, which is in a folder above this file both in a checkout and in a build. */
async function readVersion(folder: URL = new URL('.', import.meta.url)): Promise<string> {
  try {
    const text = await readFile(new URL('package.json', folder), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch (error) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw error;
    return readVersion(parent);
  }
}

main().catch((thrown: unknown) => {
  const error = toDroverError(thrown);
  console.error(`${error.code}: ${error.message}\n→ ${error.remedy}`);
  process.exit(1);
});
