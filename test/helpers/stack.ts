import { randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { useBuild } from '../../scripts/stack/compiled.ts';
import { guardChildren } from '../../scripts/stack/guard.ts';
import { dropTestDatabases } from './database-server.ts';
import { cleanDeadRuns, startTestServers } from './test-servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL, to create databases; each test works in its own database from `createDatabase`. */
    postgresUrl: string;
    redisUrl: string;
    /** Part of every name that a test run creates on a server, so that runs sharing a server do not collide. */
    testRun: string;
    /** A folder for what tests write; PostgreSQL and Redis run in folders of these names below it are ended with the run. */
    testFolder: string;
  }
}

/** Starts a PostgreSQL and a Redis for this run of the tests and ends them after it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  guardChildren();
  await cleanDeadRuns();
  const testRun = randomBytes(4).toString('hex');
  const servers = await startTestServers(process.env);
  useBuild();
  project.provide('postgresUrl', servers.postgresUrl);
  project.provide('redisUrl', servers.redisUrl);
  project.provide('testRun', testRun);
  project.provide('testFolder', servers.folder);
  return async () => {
    if (servers.postgresIsShared) await dropTestDatabases(servers.postgresUrl, testRun);
    await servers.stop();
  };
}
