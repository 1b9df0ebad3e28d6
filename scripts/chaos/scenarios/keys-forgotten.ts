import type { CatalogDrill } from '../catalog/drill.ts';
import { lostAnswers, unheard } from '../catalog/lost-answers.ts';
import type { CatalogScenario } from '../catalog/scenario.ts';
import { operator } from '../operator.ts';

const hours = 25;
const enough = 5;
const found = new WeakMap<CatalogDrill, string[]>();

// What a night does to the clocks of the control database, whose own cannot be moved.
const aged = `UPDATE drover.intents SET first_sent_at = first_sent_at - interval '${hours} hours',
  sent_at = sent_at - interval '${hours} hours', answered_at = answered_at - interval '${hours} hours'`;

export const keysForgotten: CatalogScenario = {
  name: 'keys-forgotten',
  summary: `the same, and who tries again does so ${hours} hours later, when Stripe has forgotten every key`,
  stripe: { faults: lostAnswers },
  async inject(drill) {
    const problems = ['the run was over before enough answers were lost'];
    found.set(drill, problems);
    const { progress, control, runId, over, recovery } = drill;
    while (!over.signal.aborted && (await unheard(drill)).length < enough) await progress.pause(50);
    if (over.signal.aborted) return;
    await recovery.during(async () => {
      await control.pause(runId, 'for the night', operator);
      while (!over.signal.aborted && (await progress.status()) === 'pausing') await progress.pause(50);
      problems.splice(0, 1, ...(await sleepOver(drill)));
      await control.resume(runId, 'the next day', operator);
    });
  },
  check: async (drill) => found.get(drill) ?? [],
};

/** Lets the day pass at Stripe and in the ledger; answers what makes the drill worthless. */
async function sleepOver(drill: CatalogDrill): Promise<string[]> {
  const open = await unheard(drill);
  drill.stripe.clock.advance(hours * 3_600_000);
  await drill.probe.ask(aged);
  return open.length < enough ? [`only ${open.length} answers were open overnight`] : [];
}
