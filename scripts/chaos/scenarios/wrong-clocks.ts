import type { Scenario } from '../scenario.ts';

export const wrongClocks: Scenario = {
  name: 'wrong-clocks',
  summary: 'the clock of one worker is ten minutes ahead and that of another an hour behind; one of all is killed',
  setup: { clocks: [600_000, -3_600_000, 0, 0] },
  async inject({ fleet, progress, recovery, random, over }) {
    for (const share of [0, 0.3]) {
      await progress.until(share);
      while (!over.signal.aborted && !(await recovery.during(() => fleet.kill(random)))) await progress.pause(200);
    }
  },
};
