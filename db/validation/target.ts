import type pg from 'pg';
import type { ValidationTarget } from '../../src/engine/validation/ports.ts';
import { prepared } from '../sql.ts';
import { analyzeTables } from './analyze.ts';
import { joinIdentitySql } from './identity-of.ts';
import { findAmountDifferences, sumMoney } from './money-rows.ts';
import {
  countOwnedRows,
  findDanglingRows,
  findDuplicateRows,
  findMissingRows,
  findViolatingRows,
} from './target-rows.ts';
import { readDataVersion } from './version.ts';

const columnsSql =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

const targetIdsSql = `
SELECT w.source_id, i.target_id FROM unnest($3::text[]) AS w(source_id) ${joinIdentitySql('w.source_id')}
WHERE i.target_id IS NOT NULL`;

/** What validation reads of the target, over the target's database. */
export function createValidationTarget(pool: pg.Pool): ValidationTarget {
  return {
    analyze: (schema, tables) => analyzeTables(pool, schema, tables),
    dataVersion: (scope, schema, tables) => readDataVersion(pool, scope, schema, tables),
    columns: async (schema, table) => {
      const rows = await prepared<{ name: string }>(pool, undefined, columnsSql, [schema, table]);
      return new Set(rows.map((row) => row.name));
    },
    countOwned: (place) => countOwnedRows(pool, place),
    findMissing: (place, records) => findMissingRows(pool, place, records),
    findDuplicates: (place, names, naturalKey) => findDuplicateRows(pool, place, names, naturalKey),
    findDangling: (place, column, parentTable, nullable) =>
      findDanglingRows(pool, place, column, parentTable, nullable),
    findViolations: (place, condition) => findViolatingRows(pool, place, condition),
    sums: (place, money, records) => sumMoney(pool, place, money, records),
    findAmountDifferences: (place, money, records) => findAmountDifferences(pool, place, money, records),
    targetIds: async (scope, entity, sourceIds) => {
      const values = [scope, entity, sourceIds];
      const rows = await prepared<{ source_id: string; target_id: string }>(pool, undefined, targetIdsSql, values);
      return new Map(rows.map((row) => [row.source_id, row.target_id]));
    },
  };
}
