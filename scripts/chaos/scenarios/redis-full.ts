import type { BubbleScenario } from '../scenario.ts';

const fullMs = 4_000;

export const redisFull: BubbleScenario = {
  name: 'redis-full',
  summary: 'Redis is out of memory and refuses every write for some seconds, twice',
  async injectFaults({ environment: ground, progress, recovery }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      await recovery.measureDuring(async () => {
        await ground.redis.exhaustMemory();
        await progress.wait(fullMs);
        await ground.redis.restoreMemory();
      });
    }
  },
};
