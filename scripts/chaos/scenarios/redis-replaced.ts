import type { BubbleScenario } from '../scenario.ts';

export const redisReplaced: BubbleScenario = {
  name: 'redis-replaced',
  summary: 'SHUTDOWN NOSAVE, and an empty Redis in its place, twice',
  async injectFaults({ environment: ground, progress, recovery, random }) {
    for (const share of [0, 0.4]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => ground.redis.replace());
    }
  },
};
