import type { Scenario } from '../scenario.ts';

export const redisFlushed: Scenario = {
  name: 'redis-flushed',
  summary: 'FLUSHALL, three times while the run is under way',
  async inject({ ground, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.until(share + random.next() * 0.1);
      await recovery.during(() => ground.redis.flush());
    }
  },
};
