import type { BubbleScenario } from '../scenario.ts';

export const wrongClocks: BubbleScenario = {
  name: 'wrong-clocks',
  summary: 'the clock of one worker is ten minutes ahead and that of another an hour behind; one of all is killed',
  setup: { clockOffsetsMs: [600_000, -3_600_000, 0, 0] },
  async injectFaults({ fleet, progress, recovery, random, runEnded: over }) {
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      while (!over.signal.aborted && !(await recovery.measureDuring(() => fleet.kill(random))))
        await progress.wait(200);
    }
  },
};
