import { isAccounted } from '../../progress/balance.ts';
import { entityCounts } from '../../progress/entity-progress.ts';
import { recordStatuses } from '../../record-status.ts';
import { type Check, createCheck } from '../check.ts';

/** I1: every extracted record is in one state, as counted twice, and none is still on its way. */
export const checkBalance: Check = async ({ deps, run, entity }) => {
  const counted = entityCounts(entity, await deps.ledger.triggerCounts(run.id));
  const real = entityCounts(entity, await deps.ledger.actualCounts(run.id));
  const parts = recordStatuses.map((status) => `${real[status]} ${status}`).join(' + ');
  const wrong = recordStatuses.filter((status) => counted[status] !== real[status]);
  const disagree = wrong.length === 0 ? '' : ` (the running count says otherwise of ${wrong.join(', ')})`;
  const balance = createCheck(
    {
      name: 'balance',
      entity,
      description: `${real.extracted} ${entity} extracted = ${parts}${disagree}`,
      ok: wrong.length === 0 && isAccounted(real),
    },
    real.extracted,
    [],
  );
  const pending = await deps.ledger.pendingSourceIds(run.id, entity);
  const settled = createCheck(
    { name: 'settled', entity, description: `No record of ${entity} is still on its way` },
    real.extracted,
    pending.map((sourceId) => ({ sourceId, targetId: null, detail: 'is still on its way' })),
  );
  return [balance, settled];
};
