import { readDeaths } from '../failpoints.ts';
import { groupBy } from '../oracle/group.ts';
import type { BubbleScenario } from '../scenario.ts';

export const killedAtSteps: BubbleScenario = {
  name: 'killed-at-steps',
  summary:
    'workers die right before and right after each step: opening, claiming, writing, finishing, handing on, storing a page',
  setup: {
    instrumentedWorkerArgs: (journal) => ['--die', journal],
    workersMayDie: true,
    // What kills here is the fault and not the record.
    env: { DROVER_MAX_ATTEMPTS: '20' },
  },
  async injectFaults({ recovery, progress, runEnded: over, journal }) {
    await recovery.measureDuring(async () => {
      while (!over.signal.aborted && readDeaths(journal).length < 6) await progress.wait(200);
    });
  },
  async check({ journal }) {
    const steps = [...groupBy(readDeaths(journal), ({ step }) => step)].map(([step, all]) => `${all.length} ${step}`);
    console.log(`     workers died ${steps.join(', ')}`);
    return steps.length > 1 ? [] : [`workers died at ${steps.length} kinds of steps only`];
  },
};
