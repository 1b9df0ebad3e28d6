import type { Scenario } from '../scenario.ts';

const frozenMs = 5_000;

export const redisFrozen: Scenario = {
  name: 'redis-frozen',
  summary: 'Redis is stopped for longer than a job lock holds, twice',
  async inject({ ground, progress, recovery, over }) {
    for (const share of [0, 0.3]) {
      await progress.until(share);
      if (over.signal.aborted) return;
      await recovery.during(async () => {
        ground.redis.freeze();
        await progress.pause(frozenMs);
        ground.redis.thaw();
      });
    }
  },
};
