import type { BubbleScenario } from '../scenario.ts';

export const killWorkers: BubbleScenario = {
  name: 'kill-workers',
  summary: 'a worker is killed with SIGKILL every few seconds, and another takes its place',
  async injectFaults({ progress, recovery, fleet, random, runEnded: over, options }) {
    // On a machine where starting a worker takes longer than the pause between kills nothing would ever move; this many
    // last longer than the run on any other.
    for (let kills = 0; kills < Math.max(10, options.records / 100) && !over.signal.aborted; kills += 1) {
      await progress.wait(options.killEvery * 1_000);
      // On a machine too busy to start a worker in that time, as soon as one has.
      while (!over.signal.aborted && !(await recovery.measureDuring(() => fleet.kill(random))))
        await progress.wait(200);
    }
  },
};
