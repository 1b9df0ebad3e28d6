import { DroverError } from '../../errors.ts';
import type { Column, Entity } from '../../plan/contract.ts';
import { emailKeySql, identifier, literal, qualified, type SqlPort } from '../../plan/sql.ts';

/**
 * The statements of a load, made once per table. They take the rows as one JSON array, so their text does not depend on the
 * number of rows and PostgreSQL keeps their plans. Every look-up is a LATERAL with OFFSET 0, one by its whole key per row:
 * without statistics PostgreSQL estimates a single row for (scope, entity), reads the whole entity and compares it with
 * every record (measured: 77 s of a load of 40,000).
 */

export interface Statements {
  /** $1 rows [{n, source_id, target_id, ...natural key, ...rights, ...spellings of addresses}], $2 scope, $3 entity. */
  readonly locate: string;
  /**
   * $1 rows [{_source_id, _hash, _aliases, _kept, id, ...columns}], $2 scope, $3 entity, $4 run, $5 table, and where other entities
   * fill columns of the same rows $6, their names.
   */
  readonly apply: string;
  /** $1 rows [{n, id, ...columns}], $2 run, $3 entity, $4 scope. Answers only rows that differ. */
  readonly compare: string;
}

/** Pure: the same table has the same texts. */
export function statementsFor(
  schema: string,
  entity: Entity,
  columns: readonly TargetColumn[],
  shared: boolean,
): Statements {
  const table = qualified(schema, entity.target.table);
  return {
    locate: locateSql(table, entity, columns),
    apply: applySql(table, columns, shared),
    compare: compareSql(
      table,
      entity,
      columns.filter(({ column }) => !column.writeTimestamp),
    ),
  };
}

function locateSql(table: string, entity: Entity, columns: readonly TargetColumn[]): string {
  const key = (entity.target.naturalKey ?? []).map((name) => columns.find((column) => column.name === name));
  const known = key.filter((column): column is TargetColumn => column !== undefined);
  const rights = columns.filter(({ name, column }) => column.keepExisting && !known.some((one) => one.name === name));
  const emails = known.filter(({ column }) => column.compareAs === 'email');
  const typed = [...known, ...rights].map(({ name, column }) => `, ${identifier(name)} ${column.type}`).join('');
  const spelled = emails.map(({ name }) => `, ${identifier(spellingsOf(name))} text[]`).join('');
  const keyed = emails.map(
    ({ name }) =>
      `, ARRAY(SELECT ${emailKeySql('v')} FROM unnest(x.${identifier(spellingsOf(name))}) AS v) AS ${identifier(keysOf(name))}`,
  );
  const isSame = ({ name, column }: TargetColumn) =>
    column.compareAs === 'email'
      ? `${emailKeySql(`k.${identifier(name)}`)} = ANY (i.${identifier(keysOf(name))})`
      : `k.${identifier(name)} = i.${identifier(name)}`;
  const matches = known.map(isSame).join(' AND ');
  const exact = known.map(({ name }) => `k.${identifier(name)} = i.${identifier(name)}`).join(' AND ');
  // Of several spellings the record's own, then the row it has already, so that the answer is always the same.
  const lookup =
    emails.length > 0
      ? `SELECT k.id, ${exact} AS exact, array_agg(k.id::text) OVER () AS ids FROM ${table} k WHERE ${matches}
  ORDER BY (${exact}) DESC, (k.id::text IS NOT DISTINCT FROM ident.target_id) DESC, k.id LIMIT 1`
      : `SELECT k.id FROM ${table} k WHERE ${matches} OFFSET 0`;
  // Merged in an earlier run, but its natural key is another now: it gets a separate row again.
  const isSplit = matches ? '(ident.merged AND k.id::text IS DISTINCT FROM ident.target_id)' : 'false';
  return `
WITH input AS MATERIALIZED (
  SELECT x.*${keyed.join('')} FROM json_to_recordset($1::json) AS x(n int, source_id text, target_id uuid${typed}${spelled})
)
SELECT i.n, CASE WHEN NOT ${isSplit} THEN ident.target_id END AS known_id, ident.hash AS known_hash, ident.run_id AS known_run,
  survivor.source_id AS merged_into, t.id::text AS row_id,
  ${matches ? 'k.id::text' : 'NULL'} AS key_id, ${matches ? 'owner.source_id' : 'NULL'} AS key_owner,
  ${emails.length > 0 ? 'k.ids AS key_ids, k.exact AS key_exact' : 'NULL AS key_ids, NULL AS key_exact'},
  ${rights.length > 0 ? 'held.kept' : 'NULL'} AS kept
FROM input i
LEFT JOIN LATERAL (
  SELECT * FROM drover.identities d WHERE d.scope = $2 AND d.entity = $3 AND d.source_id = i.source_id OFFSET 0
) ident ON true
${matches ? `LEFT JOIN LATERAL (${lookup}) k ON true` : ''}
LEFT JOIN LATERAL (SELECT s.source_id FROM drover.identities s WHERE ident.merged AND NOT ${isSplit} AND s.scope = $2
  AND s.entity = $3 AND s.target_id = ident.target_id AND NOT s.merged LIMIT 1) survivor ON true
LEFT JOIN LATERAL (
  SELECT r.id FROM ${table} r
  WHERE r.id = CASE WHEN ident.target_id IS NULL OR ${isSplit} THEN i.target_id ELSE ident.target_id::uuid END OFFSET 0
) t ON true
${
  matches
    ? `LEFT JOIN LATERAL (SELECT o.source_id FROM drover.identities o WHERE o.scope = $2 AND o.entity = $3
  AND o.target_id = k.id::text AND NOT o.merged LIMIT 1) owner ON true`
    : ''
}
${rights.length > 0 ? keptSql(table, rights, matches ? 'coalesce(t.id, k.id)' : 't.id') : ''}`;
}

/**
 * Rights of the existing row that are kept when it is written, as `held.kept`: the record has another value, and the row does
 * not hold what the source had at Drover's last write. Of an identity that was written before rights were stored, the row
 * must be as Drover left it: then both carry the same transaction id.
 */
function keptSql(table: string, rights: readonly TargetColumn[], id: string): string {
  const lines = rights.map(({ name }) => {
    const [held, wanted] = [`r.${identifier(name)}`, `i.${identifier(name)}`];
    const follows = `CASE WHEN ident.rights IS NULL THEN is_written_last
        ELSE coalesce(to_jsonb(${held}), 'null') = ident.rights -> ${literal(name)} END`;
    return `(${literal(name)}, to_jsonb(${held}), ${held} IS DISTINCT FROM ${wanted}, ${follows})`;
  });
  return `LEFT JOIN LATERAL (
  SELECT (
    SELECT jsonb_object_agg(v.name, v.value) FROM (VALUES ${lines.join(', ')}) AS v(name, value, differs, follows)
    WHERE v.differs AND NOT coalesce(ident.target_id = r.id::text AND NOT ident.merged AND v.follows, false)
  ) AS kept
  FROM ${table} r, LATERAL (
    SELECT EXISTS (SELECT FROM drover.identities w WHERE w.scope = $2 AND w.target_id = r.id::text AND w.xmin = r.xmin)
  ) AS w(is_written_last)
  WHERE r.id = ${id} OFFSET 0
) held ON true`;
}

/** Fields of the input of `locate`: the spellings of an address, and the keys made of them. */
export const spellingsOf = (column: string): string => `_spellings ${column}`;
const keysOf = (column: string): string => `_keys ${column}`;

// A row that is inserted again lacks the columns of other entities: their hashes are reset, so that they are written again.
const resetHashesSql = `, voided AS (
  UPDATE drover.identities d SET hash = '' FROM input i LEFT JOIN old ON old.id = i.id
  WHERE old.id IS NULL AND d.target_id = i.id::text AND d.scope = $2 AND d.entity = ANY ($6::text[])
)`;

function applySql(table: string, all: readonly TargetColumn[], shared: boolean): string {
  const columns = all.filter(({ column }) => !column.writeTimestamp);
  const names = columns.map(({ name }) => identifier(name));
  const kept = columns.filter(({ column }) => column.keepExisting);
  const pairs = kept.map(({ name }) => `${literal(name)}, i.${identifier(name)}`);
  const rights = pairs.length > 0 ? `jsonb_build_object(${pairs.join(', ')})` : 'NULL::jsonb';
  const writtenValue = ({ name, column }: TargetColumn): string =>
    column.keepExisting
      ? `CASE WHEN old.id IS NOT NULL AND ${literal(name)} = ANY (i._kept) THEN old.${identifier(name)} ELSE i.${identifier(name)} END`
      : `i.${identifier(name)}`;
  const typed = columns.map(({ name, column }) => `${identifier(name)} ${column.type}`).join(', ');
  const updates = all
    .filter(({ column }) => !column.insertOnly)
    .map(
      ({ name, column }) =>
        `${identifier(name)} = ${column.writeTimestamp ? 'DEFAULT' : `excluded.${identifier(name)}`}`,
    )
    .join(', ');
  return `
WITH input AS (
  SELECT * FROM json_to_recordset($1::json) AS x(_source_id text, _hash text, _aliases json, _kept text[], id uuid, ${typed})
), old AS MATERIALIZED (
  -- Locked, so that the before-image is the content that the write replaces.
  SELECT o.* FROM input i,
    LATERAL (SELECT t.id, to_jsonb(t) AS image${kept.map(({ name }) => `, t.${identifier(name)}`).join('')} FROM ${table} t WHERE t.id = i.id OFFSET 0 FOR UPDATE) o
), aliases AS MATERIALIZED (
  SELECT i.id, alias.source_id FROM input i, json_array_elements_text(i._aliases) AS alias(source_id)
), known AS MATERIALIZED (
  SELECT d.source_id, d.image FROM (SELECT _source_id AS source_id FROM input UNION SELECT source_id FROM aliases) s,
    LATERAL (
      SELECT ident.source_id, to_jsonb(ident) AS image FROM drover.identities ident
      WHERE ident.scope = $2 AND ident.entity = $3 AND ident.source_id = s.source_id OFFSET 0
    ) d
), written AS (
  INSERT INTO ${table} (id, ${names.join(', ')})
  SELECT i.id, ${columns.map(writtenValue).join(', ')} FROM input i LEFT JOIN old ON old.id = i.id
  ON CONFLICT (id) DO UPDATE SET ${updates || 'id = excluded.id'}
  RETURNING id
), identified AS (
  INSERT INTO drover.identities (scope, entity, source_id, target_id, merged, hash, run_id, kept, rights)
  SELECT $2, $3, i._source_id, i.id::text, false, i._hash, $4, nullif(i._kept, '{}'), ${rights} FROM input i LEFT JOIN known ON known.source_id = i._source_id
  UNION ALL
  SELECT $2, $3, a.source_id, a.id::text, true, '', $4, NULL, NULL FROM aliases a
  ON CONFLICT (scope, entity, source_id) DO UPDATE SET
    target_id = excluded.target_id, merged = excluded.merged, hash = excluded.hash, run_id = excluded.run_id,
    kept = excluded.kept, rights = excluded.rights, updated_at = now()
), changed AS (
  -- Only the first write of a run counts: a second try would store the run's own row as the content before.
  INSERT INTO drover.changes (run_id, scope, entity, source_id, table_name, target_id, operation, before, identity_before)
  SELECT $4, $2, $3, i._source_id, $5, i.id::text, CASE WHEN old.id IS NULL THEN 'insert' ELSE 'update' END, old.image, known.image
  FROM input i LEFT JOIN old ON old.id = i.id LEFT JOIN known ON known.source_id = i._source_id
  UNION ALL
  -- An identity that points at another record's row: no row was written, and a rollback restores the identity.
  SELECT $4, $2, $3, a.source_id, $5, a.id::text, 'alias', NULL, known.image
  FROM aliases a LEFT JOIN known ON known.source_id = a.source_id
  ON CONFLICT (run_id, entity, source_id) DO NOTHING
)${shared ? resetHashesSql : ''}
SELECT count(*)::int AS n FROM written`;
}

function compareSql(table: string, entity: Entity, columns: readonly TargetColumn[]): string {
  // Unbounded numeric: a column that rounded the value must show as a difference.
  const typed = columns
    .map(({ name, column }) => `${identifier(name)} ${column.type.replace(/^numeric.*/, 'numeric')}`)
    .join(', ');
  const cases = columns.map(({ name, column }) => {
    const differs = `t.${identifier(name)} IS DISTINCT FROM i.${identifier(name)}`;
    // A value that cannot be made again (a salted hash, an API's id) is compared only where this run has written it.
    const writtenByRun = column.insertOnly
      ? `c.operation = 'insert' AND `
      : isMadeOnce(column)
        ? 'c.operation IS NOT NULL AND '
        : '';
    // A value of the existing row that was kept is not the record's.
    const notKept = column.keepExisting ? `NOT ${literal(name)} = ANY (coalesce(ident.kept, '{}')) AND ` : '';
    const condition = `${notKept}${writtenByRun}${differs}`;
    return `CASE WHEN ${condition} THEN '${name.replaceAll("'", "''")}' END`;
  });
  // Entities without such columns do not use the scope, and PostgreSQL refuses a parameter without a use.
  const keptOfIdentity = Object.values(entity.target.columns).some(({ keepExisting }) => keepExisting)
    ? `LEFT JOIN LATERAL (
    SELECT d.kept FROM drover.identities d WHERE d.scope = $4 AND d.entity = $3 AND d.source_id = i._source_id OFFSET 0
  ) ident ON true`
    : `CROSS JOIN (SELECT $4::text) AS unused`;
  return `
WITH input AS (SELECT * FROM json_to_recordset($1::json) AS x(n int, _source_id text, id uuid, ${typed}))
SELECT n, missing, fields FROM (
  SELECT i.n, t.id IS NULL AS missing, array_remove(ARRAY[${cases.join(', ')}]::text[], NULL) AS fields
  FROM input i
  LEFT JOIN LATERAL (SELECT * FROM ${table} r WHERE r.id = i.id OFFSET 0) t ON true
  LEFT JOIN LATERAL (
    SELECT d.operation FROM drover.changes d WHERE d.run_id = $2 AND d.entity = $3 AND d.source_id = i._source_id OFFSET 0
  ) c ON true
  ${keptOfIdentity}
) compared WHERE missing OR cardinality(fields) > 0`;
}

function isMadeOnce({ enriched, filledByApi: answered }: TargetColumn['column']): boolean {
  return enriched === true || answered === true;
}

/** A column of the plan. */
interface TargetColumn {
  readonly name: string;
  readonly column: Column;
}

const columnNamesSql =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

/**
 * The columns of the plan that exist in the table. Optional columns may be missing.
 * @throws DroverError TARGET_SCHEMA naming every missing column.
 */
export async function columnsOf(sql: SqlPort, schema: string, entity: Entity): Promise<readonly TargetColumn[]> {
  const table = entity.target.table;
  const rows = await sql.query<{ name: string }>('target_columns', columnNamesSql, [schema, table]);
  const present = new Set(rows.map((row) => row.name));
  const wanted = Object.entries(entity.target.columns).map(([name, column]) => ({ name, column }));
  const missing = [{ name: 'id', column: undefined }, ...wanted].filter(
    ({ name, column }) => !present.has(name) && !column?.optional,
  );
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new DroverError('TARGET_SCHEMA', `table ${schema}.${table} has no column ${names}`, {
      remedy: `Add the columns to ${schema}.${table}, or load into another schema with --target-schema.`,
    });
  }
  return wanted.filter(({ name }) => present.has(name));
}
