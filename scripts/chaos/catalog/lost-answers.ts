import type { FaultRule } from '../../../src/sandbox/core/faults.ts';
import type { CatalogExperiment } from './drill.ts';

// A record has several requests, and each answer that is lost costs it a pause.
const rates = { create: 0.5, update: 0.25 } as const;

/** Stripe does what it is asked for, and the connection ends before it has said so: at every request that writes. */
export const lostAnswers: FaultRule[] = ['products', 'prices'].flatMap((resource) =>
  Object.entries(rates).map(([operation, rate]): FaultRule => {
    return { fault: 'drop-after', method: 'POST', operation, resource, rate };
  }),
);

/** Products of which Stripe did something that nobody heard of yet, by its journal and not by our own notes. */
export async function productsWithLostAnswers({ stripe, probe, runId }: CatalogExperiment): Promise<readonly string[]> {
  const lost = stripe.journal.entries().flatMap(({ status, notes }) => (status === 0 && notes?.object) || []);
  const products = lost.map((id) => String(stripe.data.get('price', id)?.product ?? id));
  const rows = await probe.query<{ product: string }>(
    `SELECT 'cms_' || source_id AS product FROM drover.records WHERE run_id = $1 AND status = 'pending'`,
    [runId],
  );
  const pending = new Set(rows.map(({ product }) => product));
  return [...new Set(products)].filter((id) => pending.has(id));
}
