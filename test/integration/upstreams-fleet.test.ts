import { afterAll, expect, test } from 'vitest';
import { redisDb } from '../helpers/redis.ts';
import { figuresOf, runFleet, startJournal } from '../unit/upstreams/fleet.ts';

// TEST_FLEET_SECONDS=30 is the length the product promises; a few seconds show a broken limiter as well.
const measured = process.env.TEST_FLEET_SECONDS !== undefined;
const seconds = Number(process.env.TEST_FLEET_SECONDS ?? 4);
// What is used of the limit is a figure of the machine too: beside the rest of the suite on two cores the four processes
// get 70 % of it, alone 93 %. Nine tenths is asked for where it is measured alone.
const leastUsed = measured ? 0.9 : 0.5;
const space = redisDb();
afterAll(() => space.drop());

test(`4 processes at 50 a second for ${seconds} s: never more in a sliding second, and most of it used`, async () => {
  const journal = await startJournal();
  try {
    const task = {
      redisUrl: space.url,
      prefix: space.prefix,
      baseUrl: journal.baseUrl,
      maxRps: 50,
      seconds,
      concurrency: 10,
    };
    await runFleet(4, task);
    const figures = figuresOf(await journal.arrivals(), 50);
    console.log('fleet of 4 at 50/s:', JSON.stringify(figures));
    expect(figures.most).toBeLessThanOrEqual(50);
    expect(figures.used).toBeGreaterThanOrEqual(leastUsed);
  } finally {
    await journal.stop();
  }
});
