import type { RollbackScope } from '../../src/engine/rollback/ports.ts';
import { literal } from '../../src/plan/sql.ts';

/**
 * Rows are compared by a hash of their text, so whoever makes the hash and whoever checks it must write times, floats
 * and bytes alike. For the transaction only.
 */
export const textSettings = [
  'SET LOCAL standard_conforming_strings = on',
  "SET LOCAL timezone = 'UTC'",
  "SET LOCAL datestyle = 'ISO, MDY'",
  "SET LOCAL intervalstyle = 'postgres'",
  "SET LOCAL bytea_output = 'hex'",
  'SET LOCAL extra_float_digits = 1',
];

/** What is undone, told to the statements by settings: their text is the same for every run. */
export function undoSettings(scope: RollbackScope): string[] {
  const settings = { undo_run: scope.runId, undo_scope: scope.scope, undo_schema: scope.schema };
  return Object.entries(settings).map(
    ([name, value]) => `SELECT set_config('drover.${name}', ${literal(value)}, true)`,
  );
}
