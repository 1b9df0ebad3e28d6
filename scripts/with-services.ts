import { pathToFileURL } from 'node:url';
import { readEnvFile } from './stack/env-file.ts';
import { NoServices, resolveServices } from './stack/services.ts';

/**
 * Runs an entry point (first argument) with PostgreSQL and Redis at hand: the environment's, those another process of
 * this checkout runs, or embedded ones started now. The entry point reads them from the environment like anywhere else.
 */
async function main(): Promise<void> {
  const [entry, ...args] = process.argv.slice(2);
  if (entry === undefined) throw new NoServices('Usage: tsx scripts/with-services.ts ENTRY [arguments]');
  if (!args.includes('--help')) {
    readEnvFile();
    const services = await resolveServices(process.env);
    console.error(services.saidInOneSentence);
    process.env.DATABASE_URL = services.databaseUrl;
    process.env.REDIS_URL = services.redisUrl;
  }
  process.argv.splice(1, 2, entry);
  await import(pathToFileURL(entry).href);
}

main().catch((error: unknown) => {
  console.error(error instanceof NoServices ? error.message : error);
  process.exit(1);
});
