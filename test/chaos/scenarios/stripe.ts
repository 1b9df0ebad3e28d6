import type { FaultRule } from '../../../src/sandbox/core/faults.ts';
import type { CatalogExperiment, CatalogScenario } from '../catalog.ts';
import { operatorActor } from '../experiment.ts';

// A record has several requests, and each answer that is lost costs it a pause.
const rates = { create: 0.5, update: 0.25 } as const;

/** Stripe does what it is asked for, and the connection ends before it has said so: at every request that writes. */
const lostAnswers: FaultRule[] = ['products', 'prices'].flatMap((resource) =>
  Object.entries(rates).map(([operation, rate]): FaultRule => {
    return { fault: 'drop-after', method: 'POST', operation, resource, rate };
  }),
);

/** Products of which Stripe did something whose answer was lost, by its journal and not by our own notes. */
async function productsWithLostAnswers({ stripe, probe, runId }: CatalogExperiment): Promise<readonly string[]> {
  const lost = stripe.journal.entries().flatMap(({ status, notes }) => (status === 0 && notes?.object) || []);
  const products = lost.map((id) => String(stripe.data.get('price', id)?.product ?? id));
  const rows = await probe.query<{ product: string }>(
    `SELECT 'cms_' || source_id AS product FROM drover.records WHERE run_id = $1 AND status = 'pending'`,
    [runId],
  );
  const pending = new Set(rows.map(({ product }) => product));
  return [...new Set(products)].filter((id) => pending.has(id));
}

export const createdThenDropped: CatalogScenario = {
  name: 'created-then-dropped',
  summary: 'Stripe makes and changes what it is asked for, and the connection ends before it has answered',
  stripe: { faults: lostAnswers },
};

const hours = 25;
const minLostAnswers = 5;
const keysForgottenProblems = new WeakMap<CatalogExperiment, string[]>();

// Moves the clocks of the control database, whose own cannot be set.
const ageIntentsSql = `UPDATE drover.intents SET first_sent_at = first_sent_at - interval '${hours} hours',
  sent_at = sent_at - interval '${hours} hours', answered_at = answered_at - interval '${hours} hours'`;

export const keysForgotten: CatalogScenario = {
  name: 'keys-forgotten',
  summary: `the same, and the retry comes ${hours} hours later, when Stripe has forgotten every key`,
  stripe: { faults: lostAnswers },
  async injectFaults(experiment) {
    const problems = ['the run was over before enough answers were lost'];
    keysForgottenProblems.set(experiment, problems);
    const { progress, control, runId, runEnded, recovery } = experiment;
    while (!runEnded.signal.aborted && (await productsWithLostAnswers(experiment)).length < minLostAnswers)
      await progress.wait(50);
    if (runEnded.signal.aborted) return;
    await recovery.measureDuring(async () => {
      await control.pause(runId, 'until tomorrow', operatorActor);
      while (!runEnded.signal.aborted && (await progress.status()) === 'pausing') await progress.wait(50);
      problems.splice(0, 1, ...(await passOneDay(experiment)));
      await control.resume(runId, 'the next day', operatorActor);
    });
  },
  check: async (experiment) => keysForgottenProblems.get(experiment) ?? [],
};

/** Lets the day pass at Stripe and in the ledger; answers what makes the experiment invalid. */
async function passOneDay(experiment: CatalogExperiment): Promise<string[]> {
  const open = await productsWithLostAnswers(experiment);
  experiment.stripe.clock.advance(hours * 3_600_000);
  await experiment.probe.query(ageIntentsSql);
  return open.length < minLostAnswers ? [`only ${open.length} answers were open overnight`] : [];
}
