import type { Database } from '../../db/client.ts';
import { createCutoverDatabase } from '../../db/cutover/index.ts';
import { readNewestRunsByEntity } from '../../db/cutover/newest-runs.ts';
import { auditNote } from '../../db/cutover/note.ts';
import { findRowsWrittenLive } from '../../db/cutover/written-live.ts';
import type { CutoverControl } from '../engine/cutover/contract.ts';
import { createCutoverControl } from '../engine/cutover/control.ts';
import { createGate } from '../engine/cutover/gate.ts';
import { latestValidation } from '../engine/validation/validate-run.ts';
import type { PlanRegistry } from '../plan/registry.ts';
import { createInspection } from './inspection.ts';

// Checks are over in a moment but for tables of many millions; the answer then says where the work stands.
const patienceMs = 20_000;

export interface CutoverParts {
  readonly database: Database;
  readonly target: Database;
  /** The target's database too, for statements that may take long. */
  readonly patient: Database;
  readonly plans: PlanRegistry;
  readonly onFailure: (error: unknown) => void;
}

/** The operators' control over cutovers. */
export function openCutovers({ database, target, patient, plans, onFailure }: CutoverParts): CutoverControl {
  const { validation } = createInspection({ database, target, plans });
  return createCutoverControl({
    plan: plans.get,
    database: (note) => createCutoverDatabase(patient.$client, note && auditNote(database, target === database, note)),
    gate: createGate({
      plan: plans.get,
      newestRuns: (plan, schema) => readNewestRunsByEntity(database, plan, schema),
      validation: (run) => latestValidation(validation, run, plans.get(run.plan)),
      writtenLive: (run, spec, ids) => findRowsWrittenLive(target.$client, run, spec, ids),
    }),
    patienceMs,
    onFailure,
  });
}
