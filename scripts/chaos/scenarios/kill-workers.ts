import type { Scenario } from '../scenario.ts';

export const killWorkers: Scenario = {
  name: 'kill-workers',
  summary: 'a worker is killed with SIGKILL every few seconds, and another takes its place',
  async inject({ progress, recovery, fleet, random, over, options }) {
    // On a machine where starting a worker takes longer than the pause between kills nothing would ever move; this many
    // last longer than the run on any other.
    for (let kills = 0; kills < Math.max(10, options.records / 100) && !over.signal.aborted; kills += 1) {
      await progress.pause(options.killEvery * 1_000);
      // On a machine too busy to start a worker in that time, as soon as one has.
      while (!over.signal.aborted && !(await recovery.during(() => fleet.kill(random)))) await progress.pause(200);
    }
  },
};
