import type pg from 'pg';
import type { Ledger, RecordRef } from '../../../src/engine/ports.ts';

/** The ledger without its epochs: whoever comes with work on a record is taken for the one it was last given to. */
export function withoutEpochs(ledger: Ledger, pool: pg.Pool): Ledger {
  const current = async (refs: readonly RecordRef[]): Promise<RecordRef[]> => {
    const { rows } = await pool.query<RecordRef>(
      'SELECT id::text AS id, epoch FROM drover.records WHERE id = ANY($1::bigint[])',
      [refs.map((ref) => ref.id)],
    );
    return rows;
  };
  return {
    ...ledger,
    open: async (stage, refs, want) => ledger.open(stage, await current(refs), want),
    claim: async (refs, token, leaseMs) => ledger.claim(await current(refs), token, leaseMs),
    async finish(finishes, worker) {
      const epochs = new Map((await current(finishes.map(({ ref }) => ref))).map(({ id, epoch }) => [id, epoch]));
      const believed = finishes.map((one) => ({ ...one, ref: { ...one.ref, epoch: epochs.get(one.ref.id) ?? -1 } }));
      return ledger.finish(believed, worker);
    },
  };
}
