import { type Job, Queue, Worker } from 'bullmq';
import { connectProducer, connectWorker, waitUntilReady } from '../../queues/redis.ts';
import { jobOptions } from '../../queues/table.ts';

/**
 * The peer of the figures: a worker process whose jobs do nothing but go on to the next of three queues, with the same
 * options, the same connection settings and the same number of jobs at once as the migration's.
 */
const [prefix = '', concurrency = '100'] = process.argv.slice(2);
const url = process.env.REDIS_URL as string;
const quiet = (): void => undefined;
const producer = connectProducer(url, quiet);
await waitUntilReady(producer);
const connection = connectWorker(url, quiet);
const names = ['first', 'second', 'third'];
const workers = names.map((name, index) => {
  const after = names[index + 1];
  const next =
    after === undefined
      ? undefined
      : new Queue(after, { connection: producer, prefix, defaultJobOptions: { ...jobOptions } });
  const pass = async (job: Job): Promise<void> => {
    await next?.add(next.name, job.data, { jobId: `${next.name}-${job.id}` });
  };
  return new Worker(name, pass, {
    connection,
    prefix,
    concurrency: Number(concurrency),
    lockDuration: 30_000,
    stalledInterval: 15_000,
  });
});
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
let done = 0;
workers.at(-1)?.on('completed', () => {
  done += 1;
});
setInterval(() => process.send?.({ done }), 5);
process.on('SIGTERM', () => void Promise.all(workers.map((worker) => worker.close())).then(() => process.exit(0)));
process.send?.('ready');
