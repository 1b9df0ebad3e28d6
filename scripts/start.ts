import { createChildren, workerFlags } from './child-processes.ts';
import { readEnvFile } from './stack/checkout.ts';
import { guardChildren } from './stack/guard.ts';
import { stopOnSignals } from './stack/process.ts';
import { resolveServices, ServicesUnavailable } from './stack/services.ts';

/** The service on one machine: the API and one worker of all queues, with embedded stores where none are given. */
async function main(): Promise<void> {
  guardChildren();
  readEnvFile();
  const services = await resolveServices(process.env);
  console.error(services.saidInOneSentence);
  const children = createChildren();
  const stop = async (): Promise<void> => {
    await children.stop();
    await services.stop();
  };
  stopOnSignals(stop);
  const env = { DATABASE_URL: services.databaseUrl, REDIS_URL: services.redisUrl };
  children.start('api', 'src/api/server.ts', env);
  children.start('worker', 'workers/main.ts', env, workerFlags);
  const name = await children.ended;
  console.error(`The ${name} ended; stopping the rest.`);
  await stop();
  process.exit(1);
}

main().catch((error: unknown) => {
  console.error(error instanceof ServicesUnavailable ? error.message : error);
  process.exit(1);
});
