import type pg from 'pg';
import type { RollbackStore } from '../../src/engine/rollback/ports.ts';
import { rollbackScript } from './script.ts';
import { undo } from './undo.ts';

/** The way back, over the target's database: changes and identities live there, beside the rows they speak of. */
export function createRollbackStore(pool: pg.Pool): RollbackStore {
  return {
    undo: (scope, judge, dryRun) => undo(pool, scope, judge, dryRun),
    script: (scope, judge) => rollbackScript(pool, scope, judge),
  };
}
