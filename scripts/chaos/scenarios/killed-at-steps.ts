import { deathsIn } from '../failpoints.ts';
import { groupBy } from '../oracle/group.ts';
import type { Scenario } from '../scenario.ts';

export const killedAtSteps: Scenario = {
  name: 'killed-at-steps',
  summary:
    'workers die right before and right after each step: opening, claiming, writing, finishing, handing on, storing a page',
  setup: {
    watched: (journal) => ['--die', journal],
    mayDie: true,
    // What kills here is the fault and not the record.
    env: { DROVER_MAX_ATTEMPTS: '20' },
  },
  async inject({ recovery, progress, over, journal }) {
    await recovery.during(async () => {
      while (!over.signal.aborted && deathsIn(journal).length < 6) await progress.pause(200);
    });
  },
  async check({ journal }) {
    const steps = [...groupBy(deathsIn(journal), ({ step }) => step)].map(([step, all]) => `${all.length} ${step}`);
    console.log(`     workers died ${steps.join(', ')}`);
    return steps.length > 1 ? [] : [`workers died at ${steps.length} kinds of steps only`];
  },
};
