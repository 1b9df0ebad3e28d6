import type { BubbleScenario } from '../scenario.ts';

export const redisFlushed: BubbleScenario = {
  name: 'redis-flushed',
  summary: 'FLUSHALL, three times while the run is under way',
  async injectFaults({ environment: ground, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => ground.redis.flush());
    }
  },
};
