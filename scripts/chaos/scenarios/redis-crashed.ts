import type { BubbleScenario } from '../scenario.ts';

export const redisCrashed: BubbleScenario = {
  name: 'redis-crashed',
  summary: 'Redis is killed with SIGKILL and comes back from its append-only file, three times',
  async injectFaults({ environment: ground, progress, recovery, random }) {
    for (const share of [0, 0.2, 0.5]) {
      await progress.waitForShare(share + random.next() * 0.1);
      await recovery.measureDuring(() => ground.redis.crash());
    }
  },
};
