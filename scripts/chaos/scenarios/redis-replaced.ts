import type { Scenario } from '../scenario.ts';

export const redisReplaced: Scenario = {
  name: 'redis-replaced',
  summary: 'SHUTDOWN NOSAVE, and an empty Redis in its place, twice',
  async inject({ ground, progress, recovery, random }) {
    for (const share of [0, 0.4]) {
      await progress.until(share + random.next() * 0.1);
      await recovery.during(() => ground.redis.replace());
    }
  },
};
