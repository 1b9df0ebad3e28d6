import type { Scenario } from '../scenario.ts';

// Twice the lock and the lease: its work is given to others while it sleeps.
const asleepMs = 6_000;

export const zombie: Scenario = {
  name: 'zombie',
  summary: 'a worker is stopped for longer than its locks hold, and goes on with work that others have done',
  async inject({ fleet, progress, recovery, random, over }) {
    for (const share of [0, 0.2]) {
      await progress.until(share);
      if (over.signal.aborted) return;
      await recovery.during(async () => {
        const worker = random.pick(fleet.workers());
        worker.freeze();
        await progress.pause(asleepMs);
        worker.thaw();
      });
    }
  },
};
