import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TransformOutcome } from '../../contract.ts';
import type { Json, JsonObject } from '../../json.ts';
import type { UpstreamFactory } from '../../upstream.ts';
import type { Check } from '../types.ts';
import {
  type ColumnDescription,
  entitiesOf,
  type KnownFault,
  type ListDescription,
  type SourceDescription,
  valueAt,
  withValue,
} from './description.ts';
import { codesOf, type Loss, lossesOf } from './losses.ts';
import { contentOf, type Reading, readSource } from './reading.ts';
import {
  type ApiSpelling,
  apiSpellings,
  type Dialect,
  type FileSpelling,
  fileSpellings,
  renderFile,
  type Table,
  tableOf,
} from './spellings.ts';

/** Where the checks of a description write its files, and what its sources reach APIs with. */
export interface MetamorphicSubject {
  readonly folder: string;
  readonly upstreams: UpstreamFactory;
}

/**
 * What a plan promises of a source however it is written: the same rows or a refusal that names the difference, and no green
 * row where a meaning was taken away, but a code that names it. One check for each spelling and for each column.
 */
export function metamorphicChecks(source: SourceDescription): readonly Check<MetamorphicSubject>[] {
  const checks: readonly Check<MetamorphicSubject>[] = [
    goodRecordsCheck(source),
    ...(source.serving.kind === 'files' ? fileSpellings.map((spelling) => fileCheck(source, spelling)) : []),
    ...(source.serving.kind === 'api'
      ? apiSpellings(source.serving.pageSizes).map((spelling) => apiCheck(source, spelling))
      : []),
    ...Object.keys(source.lists).flatMap((list) => lossChecks(source, list)),
  ];
  const faults = source.knownFaults ?? {};
  const unknown = Object.keys(faults).filter((name) => !checks.some(({ guarantee }) => guarantee === name));
  assert.deepEqual(unknown, [], `known faults of ${source.title} that name no check`);
  return checks.map((check) => {
    const fault = faults[check.guarantee];
    return fault === undefined ? check : brokenCheck(check, fault);
  });
}

function brokenCheck(check: Check<MetamorphicSubject>, { reason, shows }: KnownFault): Check<MetamorphicSubject> {
  return {
    guarantee: `known fault (${reason}): ${check.guarantee}`,
    async run(subject) {
      const failure = await Promise.resolve(check.run(subject)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(failure !== undefined, 'the guarantee holds now: remove it from knownFaults');
      assert.ok(failure instanceof assert.AssertionError && failure.message.includes(shows), String(failure));
    },
  };
}

/** Without this the other checks would compare nothing with nothing. */
function goodRecordsCheck(source: SourceDescription): Check<MetamorphicSubject> {
  return {
    guarantee: 'every record of the description is a row, and what it points at is there',
    async run(subject) {
      const { refusals, outcomes } = await readPlain(subject, source);
      assert.deepEqual([...refusals], []);
      const records = Object.values(source.lists).flatMap((list) => list.records);
      const extracted = Object.values(source.lists).map(({ entity }) => entity);
      const own = [...outcomes].filter(([key]) => extracted.includes(JSON.parse(key)[0]));
      assert.equal(own.length, records.length, 'records that were read');
      for (const [key, outcome] of own) {
        assert.equal(outcome.kind, 'row', `${key}: ${JSON.stringify(outcome)}`);
        assertResolved(source, outcomes, key, outcome);
      }
    },
  };
}

function assertResolved(
  { lists }: SourceDescription,
  outcomes: Reading['outcomes'],
  key: string,
  outcome: TransformOutcome,
): void {
  if (outcome.kind !== 'row') return;
  const described = new Set(Object.values(lists).map(({ entity }) => entity));
  for (const [column, { entity, sourceId }] of Object.entries(outcome.references ?? {})) {
    const isThere = !described.has(entity) || outcomes.has(JSON.stringify([entity, sourceId]));
    assert.ok(isThere, `${key}: ${column} points at ${entity} ${sourceId}, which is not among the records`);
  }
}

// The same data written another way.

function fileCheck(source: SourceDescription, spelling: FileSpelling): Check<MetamorphicSubject> {
  return {
    guarantee: `written another way: ${spelling.title}`,
    async run(subject) {
      const change = (table: Table) => spelling.table?.(table) ?? table;
      assertSame(
        source,
        await readPlain(subject, source),
        await read(subject, source, { table: change, dialect: spelling.dialect }),
        ({ columns, records }) =>
          typeof spelling.namedBy === 'function' ? spelling.namedBy(tableOf({ columns, records })) : spelling.namedBy,
      );
    },
  };
}

function apiCheck(source: SourceDescription, spelling: ApiSpelling): Check<MetamorphicSubject> {
  return {
    guarantee: `written another way: ${spelling.title}`,
    async run(subject) {
      const lists = Object.entries(source.lists).map(
        ([name, list]) => [name, { ...list, records: spelling.records(list.records).map(withOwnIds(list)) }] as const,
      );
      const changed = { ...source, lists: Object.fromEntries(lists) };
      const other = await read(subject, changed, { pageSize: spelling.pageSize });
      assertSame(source, await readPlain(subject, source), other, () => []);
    },
  };
}

/** An API makes the ids of its records and refers to them: they have one spelling. */
function withOwnIds({ columns, records }: ListDescription): (spelled: JsonObject) => JsonObject {
  const names = Object.keys(columns).filter((name) => ['id', 'reference'].includes(columns[name]?.meaning ?? ''));
  const own = new Map(
    records
      .flatMap((record) => names.map((name) => valueAt(record, name)))
      .map((id) => [JSON.stringify(id).normalize('NFD'), id]),
  );
  return (spelled) =>
    names.reduce((record, name) => {
      const id = own.get(JSON.stringify(valueAt(record, name)).normalize('NFD'));
      return id === undefined ? record : withValue(record, name, id);
    }, spelled);
}

function assertSame(
  { lists, rawColumns, plan }: SourceDescription,
  plain: Reading,
  other: Reading,
  namesOf: (list: ListDescription) => readonly string[],
): void {
  for (const list of Object.values(lists)) {
    const refusal = other.refusals.get(list.entity);
    if (refusal !== undefined) {
      assert.ok(
        namesOf(list).some((name) => refusal.message.includes(name)),
        `refused without naming the difference: ${refusal.message}`,
      );
      continue;
    }
    const keysOf = ({ outcomes }: Reading) =>
      [...outcomes.keys()].filter((key) => entitiesOf(list).includes(JSON.parse(key)[0])).sort();
    assert.deepEqual(keysOf(other), keysOf(plain), 'source ids');
    const exact = entitiesOf(list).flatMap((entity) => plan.entities[entity]?.target.naturalKey ?? []);
    for (const key of keysOf(plain)) {
      const contents = [plain, other].map(({ outcomes }) =>
        comparable(contentOf(outcomes.get(key), rawColumns), exact),
      );
      assert.deepEqual(contents[1], contents[0], key);
    }
  }
}

/** Texts in one Unicode form: a row keeps what was written. Keys and references are compared to the letter. */
function comparable(content: Json, exact: readonly string[]): Json {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return content;
  const { row, ...others } = content as JsonObject;
  const columns = Object.entries((row ?? {}) as JsonObject).map(([name, value]) => [
    name,
    exact.includes(name) ? value : (JSON.parse(JSON.stringify(value).normalize('NFC')) as Json),
  ]);
  return { ...others, row: Object.fromEntries(columns) };
}

// Data with one meaning taken away.

function lossChecks(source: SourceDescription, name: string): Check<MetamorphicSubject>[] {
  const list = source.lists[name] as ListDescription;
  const isFile = source.serving.kind === 'files';
  return Object.entries(list.columns).flatMap(([column, described]) => {
    const losses = lossesOf(described, isFile);
    const { needs, meaning, alternative } = described;
    const mayMiss = needs === 'nothing' || alternative !== undefined || (meaning === 'text' && needs !== 'column');
    return [
      ...(isFile && !mayMiss ? [missingColumnCheck(source, name, column)] : []),
      ...losses.map((loss) => lossCheck(source, name, column, loss)),
    ];
  });
}

function missingColumnCheck(source: SourceDescription, name: string, column: string): Check<MetamorphicSubject> {
  return {
    guarantee: `${name} without the column ${column} is never green`,
    async run(subject) {
      const without = (table: Table, list: string): Table => {
        const at = table.header.indexOf(column);
        return list !== name
          ? table
          : { header: table.header.toSpliced(at, 1), rows: table.rows.map((row) => row.toSpliced(at, 1)) };
      };
      const list = source.lists[name] as ListDescription;
      const other = await read(subject, source, { table: without, only: name });
      const refusal = other.refusals.get(list.entity);
      if (refusal !== undefined) return assertNames(refusal.message, column, list.columns[column]);
      const coded = outcomesOf(other, list).filter(([, outcome]) => hasCode(list, column, outcome));
      const named = new Set(coded.map(([key]) => sourceIdOf(key)));
      const silent = outcomesOf(await readPlain(subject, source, name), list).filter(
        ([key]) => !named.has(sourceIdOf(key)),
      );
      const keys = silent.map(([key]) => key);
      assert.deepEqual(keys, [], `no code that names ${column}: ${describe(keys, other)}`);
    },
  };
}

function lossCheck(source: SourceDescription, name: string, column: string, loss: Loss): Check<MetamorphicSubject> {
  return {
    guarantee: `${name}, ${column}: ${loss.title} is never green without a code that names it`,
    async run(subject) {
      const list = source.lists[name] as ListDescription;
      const at = list.records.findIndex((record) => !isEmpty(valueAt(record, column)));
      const record = list.records[at];
      assert.ok(record, `no record of the description has a value in ${column}`);
      const changed = withValue(record, column, loss.value(valueAt(record, column) ?? null));
      const lists = { ...source.lists, [name]: { ...list, records: list.records.with(at, changed) } };
      const plain = await readPlain(subject, source, name);
      const other = await read(subject, { ...source, lists }, { only: name });
      const refusal = other.refusals.get(list.entity);
      if (refusal !== undefined) return assertNames(refusal.message, column, list.columns[column]);
      assertOneCoded({ source, list, column, loss, value: valueAt(changed, column) }, plain, other);
    },
  };
}

interface LossContext {
  readonly source: SourceDescription;
  readonly list: ListDescription;
  readonly column: string;
  readonly loss: Loss;
  /** What stands in the column now. */
  readonly value: Json | undefined;
}

/** One record has a code, or where it may be read the same row; the others are what they were. */
function assertOneCoded({ source, list, column, loss, value }: LossContext, plain: Reading, other: Reading): void {
  const content = (reading: Reading, key: string) =>
    JSON.stringify(contentOf(reading.outcomes.get(key), source.rawColumns));
  const keys = new Set([...outcomesOf(plain, list), ...outcomesOf(other, list)].map(([key]) => key));
  const changed = [...keys].filter((key) => content(plain, key) !== content(other, key));
  const coded = [...outcomesOf(other, list)].filter(([, outcome]) => hasCode(list, column, outcome));
  if (coded.length === 0 && changed.length === 0 && loss.mayBeRead) return;
  // The engine looks the record up: one that is not there is ORPHAN. Here the reference has to be what was written.
  const isDangling = list.columns[column]?.meaning === 'reference' && value !== '' && value !== null;
  const dangling = [...outcomesOf(other, list)].filter(
    ([, outcome]) =>
      isDangling &&
      outcome.kind === 'row' &&
      Object.values(outcome.references ?? {}).some(({ sourceId }) => sourceId === value),
  );
  const named = new Set([...coded, ...dangling].map(([key]) => sourceIdOf(key)));
  assert.equal(named.size, 1, `records with a code that names it: ${describe(changed, other)}`);
  // The code may stand on the record under another id: that of a contact is made of its columns.
  const others = changed.filter((key) => !named.has(sourceIdOf(key)) && other.outcomes.has(key));
  assert.deepEqual(others, [], 'records that were not touched and are other ones now');
}

function describe(keys: readonly string[], { outcomes }: Reading): string {
  if (keys.length === 0) return 'no outcome differs: the value was read by nothing, or taken for absent';
  return keys.map((key) => `${key} became ${JSON.stringify(outcomes.get(key) ?? 'nothing')}`).join('; ');
}

function outcomesOf({ outcomes }: Reading, list: ListDescription): (readonly [string, TransformOutcome])[] {
  const entities = entitiesOf(list);
  return [...outcomes].filter(([key]) => entities.includes(JSON.parse(key)[0]));
}

const sourceIdOf = (key: string): string => JSON.parse(key)[1];

/** A reject or a note whose code fits the meaning, and that names the column or what it is made into. A skip is neither. */
function hasCode({ columns }: ListDescription, column: string, outcome: TransformOutcome): boolean {
  const described = columns[column] as ColumnDescription;
  const code = codesOf[described.meaning];
  if (outcome.kind === 'reject')
    return code.test(outcome.code) && names(`${outcome.field} ${outcome.message}`, column, described);
  const notes = outcome.kind === 'row' ? (outcome.notes ?? []) : [];
  return notes.some((note) => code.test(note) && names(note, column, described));
}

function names(text: string, column: string, { into, meaning }: ColumnDescription): boolean {
  const said = normalized(text);
  // The engine names what is missing, whatever the source calls it.
  return [column, into, meaning === 'id' ? 'id' : undefined].some(
    (name) => name !== undefined && said.includes(normalized(name)),
  );
}

function assertNames(text: string, column: string, described: ColumnDescription | undefined): void {
  assert.ok(described !== undefined && names(text, column, described), `refused without naming ${column}: ${text}`);
}

const normalized = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[\s_]+/g, ' ')
    .trim();
const isEmpty = (value: Json | undefined): boolean => value === undefined || value === null || value === '';

// Reading.

interface Writing {
  readonly table?: (table: Table, list: string) => Table;
  readonly dialect?: Partial<Dialect> | undefined;
  readonly pageSize?: number | undefined;
  /** The only list that is read; all are there. */
  readonly only?: string | undefined;
}

// What is compared with is read once for each description and list.
const plainReadings = new WeakMap<SourceDescription, Map<string | undefined, Promise<Reading>>>();

/** The source as it is described. */
function readPlain(subject: MetamorphicSubject, source: SourceDescription, only?: string): Promise<Reading> {
  const known = plainReadings.get(source) ?? new Map<string | undefined, Promise<Reading>>();
  const reading = known.get(only) ?? read(subject, source, { only });
  plainReadings.set(source, known.set(only, reading));
  return reading;
}

/** Writes the source that way, and reads it through the plan. */
async function read(
  { folder, upstreams }: MetamorphicSubject,
  source: SourceDescription,
  { table = (same) => same, dialect, pageSize, only }: Writing,
): Promise<Reading> {
  const { serving, lists } = source;
  if (serving.kind === 'files') {
    // A folder for each reading: readers remember what they found of a file by path, size and time.
    const own = await mkdtemp(join(folder, 'source-'));
    for (const [name, list] of Object.entries(lists))
      await writeFile(join(own, name), renderFile(table(tableOf(list), name), dialect));
    return readSource(source, { settings: serving.settings(own), params: serving.params }, upstreams, only);
  }
  const records = Object.entries(lists).map(([name, list]) => [name, list.records] as const);
  const standIn = await serving.start(Object.fromEntries(records), pageSize);
  try {
    return await readSource(source, standIn, upstreams, only);
  } finally {
    await standIn.close();
  }
}
