import type { BubbleExperiment } from '../drill.ts';
import type { Expected } from '../oracle/expectation.ts';
import type { BubbleScenario } from '../scenario.ts';

const entityOf: Readonly<Record<string, string>> = { booking: 'bookings', clientprofile: 'client_profiles' };

export const movingSource: BubbleScenario = {
  name: 'moving-source',
  summary: 'rows are inserted, deleted and changed before the reader while it pages: what stayed is all there',
  setup: {
    sandbox: {
      faults: [
        { fault: 'insert', operation: 'list', resource: 'booking', from: 2, times: 4, position: 'before', count: 3 },
        { fault: 'modify', operation: 'list', resource: 'booking', from: 2, times: 3, position: 'before', count: 2 },
        { fault: 'delete', operation: 'list', resource: 'clientprofile', from: 2, times: 2, position: 'before' },
        // Small pages, or there would be nothing to move between.
        { fault: 'clamp', operation: 'list', limit: 20 },
      ],
    },
  },
  injectFaults: async () => undefined,
  async adjustExpectationAfterRun(drill, expectation) {
    for (const { path, touched = [] } of drill.sandbox.journal.entries()) {
      const type = Object.keys(entityOf).find((name) => path.endsWith(`/${name}`));
      for (const id of touched)
        if (type) await acceptEitherOutcome(drill, expectation.get(entityOf[type] as string), type, id);
    }
  },
};

/** What came or went while it was being read may be there or not, and is judged by what the ledger made of it. */
async function acceptEitherOutcome(
  { probe, runId, sandbox }: BubbleExperiment,
  records: Map<string, Expected> | undefined,
  type: string,
  id: string,
): Promise<void> {
  const entity = entityOf[type];
  const [row] = await probe.query<{ status: Expected['outcome']; code: string | null; created: string }>(
    `SELECT r.status, r.code, p.raw->>'Created Date' AS created FROM drover.records r
     LEFT JOIN drover.payloads p ON p.record_id = r.id WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id = $3`,
    [runId, entity, id],
  );
  if (row) records?.set(id, { outcome: row.status, code: row.code ?? undefined, createdMs: Date.parse(row.created) });
  else if (sandbox.data.get(type, id) === undefined) records?.delete(id);
}
