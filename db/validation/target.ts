import type pg from 'pg';
import type { ValidationTarget } from '../../src/engine/validation/ports.ts';
import { prepared } from '../sql.ts';
import { analyzeTables } from './analyze.ts';
import { identityOf } from './identity-of.ts';
import { differingMoney, sumMoney } from './money-rows.ts';
import { danglingRows, doubledRows, missingRows, ownedRows, violatingRows } from './target-rows.ts';
import { versionOf } from './version.ts';

const columns =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

const known = `
SELECT w.source_id, i.target_id FROM unnest($3::text[]) AS w(source_id) ${identityOf('w.source_id')}
WHERE i.target_id IS NOT NULL`;

/** What validation reads of the target, over the target's database. */
export function createValidationTarget(pool: pg.Pool): ValidationTarget {
  return {
    analyze: (schema, tables) => analyzeTables(pool, schema, tables),
    version: (scope, schema, tables) => versionOf(pool, scope, schema, tables),
    columns: async (schema, table) => {
      const rows = await prepared<{ name: string }>(pool, undefined, columns, [schema, table]);
      return new Set(rows.map((row) => row.name));
    },
    owned: (place) => ownedRows(pool, place),
    missing: (place, records) => missingRows(pool, place, records),
    doubled: (place, names, naturalKey) => doubledRows(pool, place, names, naturalKey),
    dangling: (place, column, parentTable, nullable) => danglingRows(pool, place, column, parentTable, nullable),
    violating: (place, condition) => violatingRows(pool, place, condition),
    sums: (place, money, records) => sumMoney(pool, place, money, records),
    differing: (place, money, records) => differingMoney(pool, place, money, records),
    identities: async (scope, entity, sourceIds) => {
      const values = [scope, entity, sourceIds];
      const rows = await prepared<{ source_id: string; target_id: string }>(pool, undefined, known, values);
      return new Map(rows.map((row) => [row.source_id, row.target_id]));
    },
  };
}
