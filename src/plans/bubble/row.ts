import type { Reference, RejectOutcome, RowOutcome, TransformContext } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { type CsvNote, csvNoteOf, zoneOf } from './csv/note.ts';
import { type EntityName, entityNames } from './entity-names.ts';
import { type Field, fieldMap } from './field-map.ts';
import { readOptionsOf } from './params.ts';
import { type ParseContext, Problem } from './parsers/parser.ts';
import { maskedShapeOf } from './parsers/text.ts';
import type { PickedValue } from './picker.ts';

interface ColumnFault {
  readonly column: string;
  readonly problem: Problem;
  /** The source field the value was found in. */
  readonly key: string | undefined;
}

/** What became of a record's fields. */
export interface RowDraft {
  readonly row: Record<string, Json>;
  readonly references: Record<string, Reference>;
  readonly notes: string[];
  /** Values by column, as they were found. */
  readonly sourceValues: Readonly<Record<string, unknown>>;
  /** The first column that could not be made. */
  readonly fault: ColumnFault | undefined;
  readonly context: ParseContext;
}

type ColumnFields = readonly (readonly [string, Field])[];

const columnsByEntity = Object.fromEntries(
  entityNames.map((entity): [string, ColumnFields] => [entity, Object.entries<Field>(fieldMap[entity])]),
) as Readonly<Record<EntityName, ColumnFields>>;

/** Makes every column of the entity that can be made, also when one cannot: money is counted on rejected records too. */
export function draftRow(entity: EntityName, raw: JsonObject, { params }: TransformContext): RowDraft {
  const reading = readOptionsOf(params);
  const csv = csvNoteOf(raw);
  const picks = reading.pickers[entity](raw);
  const row: Record<string, Json> = {};
  const references: Record<string, Reference> = {};
  const found: Record<string, unknown> = {};
  const notes: string[] = [];
  let fault: ColumnFault | undefined;
  let current = '';
  const note = (text: string) => notes.push(`${current}: ${text}`);
  const context: ParseContext = { reading, zone: reading.zone ?? zoneOf(csv?.zone), row, note };
  columnsByEntity[entity].forEach(([column, field], at) => {
    current = column;
    const pick = picks[at];
    if (pick !== undefined) found[column] = pick.value;
    const value = linkedReference(field, pick, csv) ?? parseValue(field, pick, context);
    if (value instanceof Problem) fault ??= { column, problem: value, key: pick?.key };
    else if (field.references === undefined) row[column] = value;
    else references[column] = { entity: field.references, sourceId: String(value) };
  });
  return { row, references, notes, sourceValues: found, fault, context };
}

/** The draft as an outcome, when nothing is wrong with it. */
export function rowOutcome({ row, references, notes }: RowDraft): RowOutcome {
  const outcome: RowOutcome = { kind: 'row', row };
  return {
    ...outcome,
    ...(Object.keys(references).length > 0 && { references }),
    ...(notes.length > 0 && { notes }),
  };
}

/** The outcome of a record with a fault; says which field of the source is meant, never what a person wrote in it. */
export function rejectOutcome({ column, problem, key }: ColumnFault): RejectOutcome {
  const source = key === undefined || key === column ? '' : ` (field "${key}" of the source)`;
  return { kind: 'reject', code: problem.code, field: column, message: `${column}${source} ${problem.reason}` };
}

function parseValue(field: Field, pick: PickedValue | undefined, context: ParseContext): Json | Problem {
  if (pick?.isUnreadable) return new Problem('BAD_JSON', `cannot be read as an object (${maskedShapeOf(pick.value)})`);
  const value = pick === undefined ? undefined : field.parse(pick.value as Json, context);
  return value === undefined ? field.absent(context) : value;
}

const unknownReference = new Problem('ORPHAN', 'names its record by an e-mail or name that none in the files has');
const ambiguousReference = new Problem(
  'AMBIGUOUS_REFERENCE',
  'names its record by an e-mail or name that several have',
);

/** The record that the file's other rows give for a reference by e-mail or name. */
function linkedReference(
  { references }: Field,
  pick: PickedValue | undefined,
  csv: CsvNote | undefined,
): string | Problem | undefined {
  const links = references === undefined || pick === undefined ? undefined : csv?.links;
  if (links === undefined || pick === undefined || !Object.hasOwn(links, pick.key)) return undefined;
  const id = links[pick.key];
  return id === '' ? unknownReference : (id ?? ambiguousReference);
}

const uniqueId = /^(\d{13})x\d+$/;

/**
 * Fills in when the record was made and changed where its fields do not say. The first thirteen digits of a unique id are the
 * moment it was made.
 */
export function fillTimestamps({ row }: RowDraft, sourceId: string): void {
  row.created_at ??= createdAtFromId(sourceId) ?? row.updated_at ?? null;
  if ('updated_at' in row) row.updated_at ??= row.created_at;
}

/** The rank by which the oldest of several records wins; a record of unknown age is older than none. */
export function mergeRankOf({ row }: RowDraft): string {
  return typeof row.created_at === 'string' ? row.created_at : '9999';
}

/** When Bubble made the id, ISO 8601; undefined for an id of another shape. */
export function createdAtFromId(sourceId: string): string | undefined {
  const ms = Number(uniqueId.exec(sourceId)?.[1] ?? Number.NaN);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
