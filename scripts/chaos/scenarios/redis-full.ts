import type { Scenario } from '../scenario.ts';

const fullMs = 4_000;

export const redisFull: Scenario = {
  name: 'redis-full',
  summary: 'Redis is out of memory and refuses every write for some seconds, twice',
  async inject({ ground, progress, recovery }) {
    for (const share of [0, 0.3]) {
      await progress.until(share);
      await recovery.during(async () => {
        await ground.redis.fill();
        await progress.pause(fullMs);
        await ground.redis.relieve();
      });
    }
  },
};
