import type { EntityProgress, RunView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { type Column, formatTable } from '../table.ts';

type Row = readonly [name: string, entity: EntityProgress];

const countedStatuses = [
  'extracted',
  'reconciled',
  'skipped',
  'rejected',
  'failed',
  'blocked',
  'mismatched',
  'pending',
] as const;
const failureStatuses: readonly string[] = ['rejected', 'failed', 'blocked', 'mismatched'];

const columns: readonly Column<Row>[] = [
  { title: 'entity', value: ([name]) => name },
  ...countedStatuses.map(
    (count): Column<Row> => ({
      title: count,
      value: ([, entity]) => entity[count],
      right: true,
      tone: ([, entity]) => countTone(count, entity[count]),
    }),
  ),
  { title: 'note', value: ([, entity]) => noteOf(entity) },
];

/** Every entity of a run with the states its records are in, and their sum when there are several. */
export function entitiesTable(run: Pick<RunView, 'entities'>, paint: Paint): string {
  const rows = Object.entries(run.entities);
  if (rows.length === 0) return 'no entity has been read yet';
  const all = rows.length > 1 ? [totalRow(rows)] : [];
  return formatTable<Row>([...rows, ...all], columns, paint);
}

function totalRow(rows: readonly Row[]): Row {
  const first = rows[0]?.[1] as EntityProgress;
  const sums = Object.fromEntries(
    countedStatuses.map((count) => [count, rows.reduce((sum, [, one]) => sum + one[count], 0)]),
  );
  return ['total', { ...first, ...sums, sourceTotal: null, repeated: 0, extraction: 'done' }];
}

function noteOf(entity: EntityProgress): string {
  const notes: string[] = [];
  if (entity.extraction === 'failed') notes.push('reading failed');
  const holds = entity.sourceTotal;
  if (entity.extraction === 'reading') notes.push(holds === null ? 'being read' : `being read: ${holds} in the source`);
  else if (holds !== null && holds !== entity.extracted) notes.push(`the source says ${holds}`);
  if (entity.repeated > 0) notes.push(`${entity.repeated} given more than once`);
  return notes.join(', ');
}

function countTone(count: string, value: number): Tone | undefined {
  if (value === 0) return 'dim';
  return failureStatuses.includes(count) ? 'red' : undefined;
}
