import { afterAll, expect, test } from 'vitest';
import { createRedisSpace } from '../helpers/redis.ts';
import { type ArrivalJournal, figuresOf, runFleet, startArrivalServer } from './fleet.ts';

// TEST_FLEET_SECONDS=30 is the length the product promises; a few seconds show a broken limiter as well.
const measured = process.env.TEST_FLEET_SECONDS !== undefined;
const seconds = Number(process.env.TEST_FLEET_SECONDS ?? 4);
// A process that gets no core for 50 ms misses its turn, whoever counts the turns. So what is promised is looked for where
// the machine let all four run: in the best two seconds of as many rounds as it takes. A limiter that gives out less than
// it may has none such, on any machine.
const rounds = measured ? 1 : 6;
const limit = 50;
const space = createRedisSpace();
afterAll(() => space.drop());

test(`4 processes at ${limit} a second: never more in a sliding second, and nine tenths of it used`, async () => {
  const server = await startArrivalServer();
  const task = {
    redisUrl: space.url,
    prefix: space.prefix,
    baseUrl: server.baseUrl,
    maxRps: limit,
    seconds,
    concurrency: 10,
  };
  try {
    let journal: ArrivalJournal = { arrivals: [], lateMs: 0 };
    let best = 0;
    for (let round = 1; round <= rounds && best < 0.9; round += 1) {
      const seen = journal.arrivals.length;
      await runFleet(4, task);
      journal = await server.journal();
      const figures = figuresOf(journal.arrivals.slice(seen), limit, journal.lateMs);
      console.log(`fleet of 4 at ${limit}/s, round ${round}:`, JSON.stringify(figures));
      expect(figures.most).toBeLessThanOrEqual(limit);
      // Of a whole round, its slow beginning and a busy machine included.
      expect(figures.used).toBeGreaterThanOrEqual(measured ? 0.9 : 0.4);
      best = Math.max(best, figures.best);
    }
    expect(figuresOf(journal.arrivals, limit, journal.lateMs).most).toBeLessThanOrEqual(limit);
    expect(best).toBeGreaterThanOrEqual(0.9);
  } finally {
    await server.stop();
  }
});
