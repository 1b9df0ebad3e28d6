import type { CatalogExperiment } from '../catalog/drill.ts';
import { lostAnswers, productsWithLostAnswers } from '../catalog/lost-answers.ts';
import type { CatalogScenario } from '../catalog/scenario.ts';
import { operatorActor } from '../operator.ts';

const hours = 25;
const minLostAnswers = 5;
const keysForgottenProblems = new WeakMap<CatalogExperiment, string[]>();

// What a night does to the clocks of the control database, whose own cannot be moved.
const ageIntentsSql = `UPDATE drover.intents SET first_sent_at = first_sent_at - interval '${hours} hours',
  sent_at = sent_at - interval '${hours} hours', answered_at = answered_at - interval '${hours} hours'`;

export const keysForgotten: CatalogScenario = {
  name: 'keys-forgotten',
  summary: `the same, and who tries again does so ${hours} hours later, when Stripe has forgotten every key`,
  stripe: { faults: lostAnswers },
  async injectFaults(drill) {
    const problems = ['the run was over before enough answers were lost'];
    keysForgottenProblems.set(drill, problems);
    const { progress, control, runId, runEnded: over, recovery } = drill;
    while (!over.signal.aborted && (await productsWithLostAnswers(drill)).length < minLostAnswers)
      await progress.wait(50);
    if (over.signal.aborted) return;
    await recovery.measureDuring(async () => {
      await control.pause(runId, 'for the night', operatorActor);
      while (!over.signal.aborted && (await progress.status()) === 'pausing') await progress.wait(50);
      problems.splice(0, 1, ...(await passOneDay(drill)));
      await control.resume(runId, 'the next day', operatorActor);
    });
  },
  check: async (drill) => keysForgottenProblems.get(drill) ?? [],
};

/** Lets the day pass at Stripe and in the ledger; answers what makes the drill worthless. */
async function passOneDay(drill: CatalogExperiment): Promise<string[]> {
  const open = await productsWithLostAnswers(drill);
  drill.stripe.clock.advance(hours * 3_600_000);
  await drill.probe.query(ageIntentsSql);
  return open.length < minLostAnswers ? [`only ${open.length} answers were open overnight`] : [];
}
