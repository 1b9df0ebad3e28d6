import { and, desc, eq } from 'drizzle-orm';
import type pg from 'pg';
import type { Run } from '../../src/engine/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';
import type { Queries } from '../client.ts';
import { coded } from '../repositories/coded.ts';
import { toRun } from '../repositories/runs.ts';
import { runs } from '../schema/index.ts';
import { prepared } from '../sql.ts';

// Who loads into more schemas than these has rehearsed, and asks of the newest.
const newest = 20;

/** The newest run of a plan into each schema, the newest first. */
export async function runsBySchema(database: Queries, plan: string): Promise<readonly Run[]> {
  const ofPlan = and(eq(runs.plan, plan), eq(runs.dryRun, false));
  const rows = await coded(database.select().from(runs).where(ofPlan).orderBy(desc(runs.createdAt)).limit(newest));
  const bySchema = new Map<string, Run>();
  for (const row of rows) if (!bySchema.has(row.targetSchema)) bySchema.set(row.targetSchema, toRun(row));
  return [...bySchema.values()];
}

export interface Place {
  readonly schema: string;
  readonly table: string;
  /** Of its identities. */
  readonly scope: string;
  readonly entity: string;
  /** The column that names the object. */
  readonly column: string;
}

/** A row of ours that names an object at an upstream, and the record it was made of. */
export interface NamedRow extends Record<string, unknown> {
  readonly object: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly row: JsonObject;
}

/** Rows of ours whose column names one of the objects; none where the table is not there any more. */
export async function namedRows(pool: pg.Pool, place: Place, objectIds: readonly string[]): Promise<NamedRow[]> {
  const table = qualified(place.schema, place.table);
  const [there] = await prepared<{ there: boolean }>(pool, undefined, 'SELECT to_regclass($1) IS NOT NULL AS there', [
    table,
  ]);
  if (!there?.there) return [];
  const column = `t.${identifier(place.column)}`;
  const text = `
SELECT ${column} AS object, i.source_id AS "sourceId", i.target_id AS "targetId", to_jsonb(t) AS row
FROM ${table} t JOIN drover.identities i
  ON i.target_id = t.id::text AND i.scope = $2 AND i.entity = $3 AND NOT i.merged
WHERE ${column} = ANY($1::text[])`;
  return prepared<NamedRow>(pool, undefined, text, [objectIds, place.scope, place.entity]);
}
