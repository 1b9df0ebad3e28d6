import type { Scenario } from '../scenario.ts';

const maxRps = 10;

export const limits: Scenario = {
  name: 'limits',
  summary: `four processes share ${maxRps} requests a second, and Redis is emptied in the middle: never more in any second`,
  setup: {
    // Few jobs a process, so that the entities are read by several of them at once.
    watched: () => ['--max-rps', String(maxRps), '--concurrency', '2'],
    sandbox: { faults: [{ fault: 'clamp', operation: 'list', limit: 6 }] },
  },
  async inject({ ground, progress, recovery }) {
    for (let n = 0; n < 2; n += 1) {
      await progress.pause(3_000);
      await recovery.during(() => ground.redis.flush());
    }
  },
  async check({ sandbox }) {
    const peak = sandbox.journal.peak(1_000);
    return peak <= maxRps ? [] : [`${peak} requests in one second, of ${maxRps}`];
  },
};
