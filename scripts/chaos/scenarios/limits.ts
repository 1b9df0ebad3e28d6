import type { BubbleScenario } from '../scenario.ts';

const maxRps = 10;

export const limits: BubbleScenario = {
  name: 'limits',
  summary: `four processes share ${maxRps} requests a second, and Redis is emptied in the middle: never more in any second`,
  setup: {
    // Few jobs a process, so that the entities are read by several of them at once.
    instrumentedWorkerArgs: () => ['--max-rps', String(maxRps), '--concurrency', '2'],
    sandbox: { faults: [{ fault: 'clamp', operation: 'list', limit: 6 }] },
  },
  async injectFaults({ environment: ground, progress, recovery }) {
    for (let n = 0; n < 2; n += 1) {
      await progress.wait(3_000);
      await recovery.measureDuring(() => ground.redis.flush());
    }
  },
  async check({ sandbox }) {
    const peak = sandbox.journal.peak(1_000);
    return peak <= maxRps ? [] : [`${peak} requests in one second, of ${maxRps}`];
  },
};
