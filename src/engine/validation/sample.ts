import type { RowComparison } from '../../plan/api-target.ts';
import type { Reference, TransformOutcome } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Resolution } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { transformRecord } from '../stages/transform.ts';
import { type Check, type CheckContext, createCheck, reportSchemaErrors } from './check.ts';
import type { RowViolation, SampleRecord } from './types.ts';

const defaultSize = 100;

interface Expected {
  readonly record: SampleRecord;
  readonly sourceId: string;
  readonly targetId: string;
  readonly row: JsonObject;
}

/**
 * A random sample, the same for the same run: each record is transformed again from its raw record and compared field by
 * field with the row its identity points at.
 */
export const checkSample: Check = async (context) => {
  const { deps, run, entity } = context;
  const name = { name: 'sample', entity, description: `Sampled ${entity} are in the target as in the source` };
  const check = await reportSchemaErrors(name, async () => {
    const sampled = await deps.ledger.sample(run.id, entity, deps.sampleSize ?? defaultSize);
    const rows: RowViolation[] = [];
    const expected = await expectedRowsOf(context, sampled, rows);
    rows.push(...(await findDifferences(context, expected)));
    const purged = sampled.filter((record) => record.raw === null).length;
    const checked = createCheck(name, sampled.length - purged, rows);
    // Records without a payload could not be compared: a warning, because it is not an error of the target.
    const partial = `${name.description} (PAYLOADS_PURGED: ${purged} of ${sampled.length} could not be compared)`;
    const incomplete = { ok: false, severity: checked.ok ? ('warning' as const) : checked.severity };
    return purged > 0 ? { ...checked, ...incomplete, description: partial } : checked;
  });
  return [check];
};

async function expectedRowsOf(
  context: CheckContext,
  sampled: readonly SampleRecord[],
  problems: RowViolation[],
): Promise<readonly Expected[]> {
  const { deps, place, run, definition } = context;
  const readable = sampled.filter((record) => record.raw !== null);
  const sourceIds = readable.map((record) => record.sourceId);
  const ids = await deps.target.targetIds(place.scope, place.entity, sourceIds);
  const outcomes = readable.map((record) => transformRecord(definition, record.raw ?? {}, record.sourceId, run.params));
  const resolved = await deps.references.resolve(run, outcomes.flatMap(referencesOf));
  const expected: Expected[] = [];
  for (const [index, record] of readable.entries()) {
    const { sourceId } = record;
    const targetId = ids.get(sourceId) ?? null;
    const row = expectedRow(context, record, outcomes[index] as TransformOutcome, resolved);
    if (typeof row === 'string') problems.push({ sourceId, targetId, detail: row });
    else if (targetId === null) problems.push({ sourceId, targetId, detail: 'has no identity in the target' });
    else expected.push({ record, sourceId, targetId, row });
  }
  return expected;
}

/** The row the transform makes now, or why it makes none. */
function expectedRow(
  { definition }: CheckContext,
  record: SampleRecord,
  outcome: TransformOutcome,
  resolved: ReadonlyMap<string, Resolution>,
): JsonObject | string {
  if (outcome.kind !== 'row') return `was loaded, but its transform now answers ${outcome.kind} (${outcome.code})`;
  const row: Record<string, Json> = { ...outcome.row };
  // Values made by `enrich` or answered by an API cannot be made again: take the loaded ones.
  for (const [column, { enriched, filledByApi: answered }] of Object.entries(definition.target.columns)) {
    if (enriched || answered) row[column] = record.clean?.row[column] ?? null;
  }
  for (const [column, reference] of Object.entries(outcome.references ?? {})) {
    const parent = resolved.get(`${reference.entity}\u0000${reference.sourceId}`);
    if (parent?.kind !== 'found')
      return `${column} refers to ${reference.entity} ${reference.sourceId}, which is not loaded`;
    row[column] = parent.targetId;
  }
  return row;
}

async function findDifferences(context: CheckContext, expected: readonly Expected[]): Promise<readonly RowViolation[]> {
  const compared = await compareWithTarget(context, expected);
  return expected.flatMap(({ record, sourceId, targetId }, index) => {
    const difference = compared[index] ?? 'missing';
    if (difference === 'missing') return [{ sourceId, targetId, detail: 'its row is not in the target' }];
    const fields = difference.filter((field) => isComparable(context, record, field));
    return fields.length === 0 ? [] : [{ sourceId, targetId, detail: `differs in ${fields.join(', ')}` }];
  });
}

/** Compares with the row, and with the API where records went to one. The object of an unchanged record is known only by its row. */
async function compareWithTarget(
  context: CheckContext,
  expected: readonly Expected[],
): Promise<readonly RowComparison[]> {
  const { deps, run, plan, entity, definition } = context;
  const api = definition.api && deps.apis?.(plan, run, entity);
  const rows = await deps.rows.compare(targetScope(run, plan, entity), expected);
  if (!api) return rows;
  const compared = expected.filter(({ record }) => record.code !== 'UNCHANGED');
  const answers = await api.compare(compared);
  return expected.map((one, index) => {
    const answer = answers[compared.indexOf(one)] ?? [];
    const row = rows[index] ?? 'missing';
    if (answer === 'missing' || row === 'missing') return 'missing';
    return [...new Set([...row, ...answer])];
  });
}

// `enrich` makes another value each time: without the loaded value such a column cannot be compared.
function isComparable({ definition }: CheckContext, record: SampleRecord, field: string): boolean {
  const known = record.code !== 'UNCHANGED' && record.clean !== null;
  const { enriched, filledByApi: answered } = definition.target.columns[field] ?? {};
  return known || (enriched !== true && answered !== true);
}

function referencesOf(outcome: TransformOutcome): Reference[] {
  return outcome.kind === 'row' ? Object.values(outcome.references ?? {}) : [];
}
