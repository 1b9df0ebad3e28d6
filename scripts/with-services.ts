import { pathToFileURL } from 'node:url';
import { readEnvFile } from './stack/checkout.ts';
import { compiledFile } from './stack/compiled.ts';
import { guardChildren } from './stack/guard.ts';
import { resolveServices, ServicesUnavailable } from './stack/services.ts';

/**
 * Runs an entry point (first argument) with PostgreSQL and Redis at hand: the environment's, those another process of
 * this checkout runs, or embedded ones started now. The entry point reads them from the environment like anywhere else.
 */
async function main(): Promise<void> {
  const [entry, ...args] = process.argv.slice(2);
  if (entry === undefined)
    throw new ServicesUnavailable('Usage: node scripts/run.mjs scripts/with-services.ts ENTRY [arguments]');
  if (!args.includes('--help')) {
    guardChildren();
    readEnvFile();
    const services = await resolveServices(process.env);
    console.error(services.saidInOneSentence);
    process.env.DATABASE_URL = services.databaseUrl;
    process.env.REDIS_URL = services.redisUrl;
  }
  const file = compiledFile(entry);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}

main().catch((error: unknown) => {
  console.error(error instanceof ServicesUnavailable ? error.message : error);
  process.exit(1);
});
