import type { BubbleScenario } from '../scenario.ts';

const frozenMs = 5_000;

export const redisFrozen: BubbleScenario = {
  name: 'redis-frozen',
  summary: 'Redis is stopped for longer than a job lock holds, twice',
  async injectFaults({ environment: ground, progress, recovery, runEnded: over }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      if (over.signal.aborted) return;
      await recovery.measureDuring(async () => {
        ground.redis.freeze();
        await progress.wait(frozenMs);
        ground.redis.thaw();
      });
    }
  },
};
