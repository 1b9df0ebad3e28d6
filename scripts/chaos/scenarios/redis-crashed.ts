import type { Scenario } from '../scenario.ts';

export const redisCrashed: Scenario = {
  name: 'redis-crashed',
  summary: 'Redis is killed with SIGKILL and comes back from its append-only file, three times',
  async inject({ ground, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.until(share + random.next() * 0.1);
      await recovery.during(() => ground.redis.crash());
    }
  },
};
