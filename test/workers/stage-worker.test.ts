import { Queue, Worker } from 'bullmq';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { connectWorker } from '../../queues/redis.ts';
import { createLedger } from '../../src/engine/ledger/ledger.ts';
import { createRunStore } from '../../src/engine/runs/store.ts';
import type { Services } from '../../workers/services.ts';
import { createJobReleaser } from '../../workers/stage-worker.ts';
import { createRedisSpace } from '../helpers/redis.ts';

// PostgreSQL is unavailable, so the job itself must return to its queue; test/chaos/drain.test.ts tests the ledger's part.
const space = createRedisSpace();
const connection = connectWorker(space.url, () => undefined);
const away = openDatabase({ url: 'postgres://127.0.0.1:1/none', applicationName: 'test', onError: () => undefined });
const services: Pick<Services, 'ledger' | 'runs'> = {
  ledger: createLedger(away.$client, away.$client),
  runs: createRunStore(away),
};
const options = { connection, prefix: space.prefix };

afterAll(async () => {
  connection.disconnect();
  await away.$client.end();
  await space.drop();
});

test.each([
  ['records', { run: 'r1', records: [['1', 2]] }],
  ['pages', { run: 'r1', entity: 'users', epoch: 3 }],
])(
  'a job of %s that is released while PostgreSQL is away waits for the next worker, and no try is used up',
  async (name, data) => {
    const queue = new Queue(`back-${name}`, options);
    const underWay = createJobReleaser(services as Services);
    let begun: () => void = () => undefined;
    const began = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const hangs = new Worker(
      queue.name,
      (job, token) =>
        underWay.run(job, token, () => {
          begun();
          return new Promise(() => undefined);
        }),
      options,
    );
    const job = await queue.add(name, data, { jobId: `job-${name}`, attempts: 8 });
    await began;
    const closed = hangs.close();
    underWay.releaseAll();
    await closed;
    expect(await job.getState()).toBe('waiting');
    const back = await queue.getJob(`job-${name}`);
    expect([back?.attemptsMade, back?.stalledCounter]).toEqual([0, 0]);

    const next = new Worker(queue.name, async () => undefined, options);
    await expect.poll(() => job.getState(), { timeout: 10_000 }).toBe('completed');
    await next.close();
    await queue.close();
  },
);
