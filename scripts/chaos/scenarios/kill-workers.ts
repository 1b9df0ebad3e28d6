import type { Scenario } from '../scenario.ts';

export const killWorkers: Scenario = {
  name: 'kill-workers',
  summary: 'a worker is killed with SIGKILL every few seconds, and another takes its place',
  async inject({ progress, recovery, fleet, random, over, options }) {
    while (!over.signal.aborted) {
      await progress.pause(options.killEvery * 1_000);
      // On a machine too busy to start a worker in that time, as soon as one has.
      while (!over.signal.aborted && !(await recovery.during(() => fleet.kill(random)))) await progress.pause(200);
    }
  },
};
