import type { BubbleScenario } from '../scenario.ts';

// Twice the lock and the lease: its work is given to others while it sleeps.
const frozenMs = 6_000;

export const zombie: BubbleScenario = {
  name: 'zombie',
  summary: 'a worker is stopped for longer than its locks hold, and goes on with work that others have done',
  async injectFaults({ fleet, progress, recovery, random, runEnded: over }) {
    for (const share of [0, 0.2]) {
      await progress.waitForShare(share);
      if (over.signal.aborted) return;
      await recovery.measureDuring(async () => {
        const worker = random.pick(fleet.workers());
        worker.freeze();
        await progress.wait(frozenMs);
        worker.thaw();
      });
    }
  },
};
