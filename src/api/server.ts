import { readFile } from 'node:fs/promises';
import { readConfig } from '../config.ts';
import { engineFactories } from '../engine/open-engine.ts';
import { DroverError, toDroverError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { loadPlans } from '../plan/registry.ts';
import type { FirstKey } from './auth/keys.ts';
import { startApi } from './start.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { databaseUrl, redisUrl } = config;
  if (!databaseUrl || !redisUrl) {
    throw new DroverError(
      'CONFIGURATION',
      'DATABASE_URL and REDIS_URL say where PostgreSQL and Redis are; one is missing',
      {
        remedy: 'Set them, or use `npm run api`, which starts embedded ones.',
      },
    );
  }
  const logger = createLogger({ level: config.logLevel, service: 'api' });
  const api = await startApi({
    ...{ config, databaseUrl, redisUrl, logger },
    plans: await loadPlans(),
    version: await readVersion(),
    ...engineFactories,
  });
  printFirstKey(api.firstKey);
  console.log(`Drover API: ${api.url} (documentation at ${api.url}/docs, queues at ${api.url}/board)`);
  stopOnSignals(api.stop, config.shutdownGraceMs);
}

/** On stdout and nowhere else: not in the log, which others read. */
function printFirstKey(first: FirstKey): void {
  if (first.kind === 'made') {
    console.log(`Admin key, shown this once because only its hash is kept: ${first.key}`);
  } else if (first.kind === 'given' && first.result === 'revoked') {
    console.log(`DROVER_ADMIN_KEY names the key ${first.id}, which was revoked: it stays so.`);
  }
}

function stopOnSignals(stop: () => Promise<void>, graceMs: number): void {
  let stopping = false;
  const end = (): void => {
    // A second signal means now.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), graceMs).unref();
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

/** Of package.json, which lies above this file both in the checkout and when built. */
async function readVersion(folder: URL = new URL('.', import.meta.url)): Promise<string> {
  try {
    const text = await readFile(new URL('package.json', folder), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch (error) {
    const above = new URL('..', folder);
    if (above.href === folder.href) throw error;
    return readVersion(above);
  }
}

main().catch((thrown: unknown) => {
  const error = toDroverError(thrown);
  console.error(`${error.code}: ${error.message}\n→ ${error.remedy}`);
  process.exit(1);
});
