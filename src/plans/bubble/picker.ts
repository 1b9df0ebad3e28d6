import { pythonToJson } from './parsers/python.ts';

/** A value found for a column, and the source field it was found in. */
export interface PickedValue {
  readonly value: unknown;
  readonly key: string;
  /** The field should hold the value inside of an object, and its text is none that can be read. It is not absent. */
  readonly isUnreadable?: boolean | undefined;
}

/** Finds the value of every column in a raw record. Columns for which nothing is there are left out. */
export type Picker = (raw: Readonly<Record<string, unknown>>) => (PickedValue | undefined)[];

/** One way from a raw key to a column; of several that lead somewhere the lowest rank wins. */
interface KeyMapping {
  readonly column: number;
  readonly rank: number;
  /** Keys to follow inside the value. */
  readonly path: readonly string[];
}

// Field names are few; this bounds what a source with made-up names on every record could make us keep.
const maxCachedKeys = 5000;
const noMappings: readonly KeyMapping[] = [];

/**
 * Compiles lists of candidate names, one list a column. Looks at every key of a record once; how a key maps is learned at
 * its first sight, so that no name is normalised twice.
 */
export function compilePicker(columns: readonly (readonly string[])[]): Picker {
  const known = new Map<string, readonly KeyMapping[]>();
  const waysOf = (key: string): readonly KeyMapping[] => {
    const ways = known.get(key) ?? findMappings(key, columns);
    if (known.size < maxCachedKeys) known.set(key, ways);
    return ways;
  };
  return (raw) => {
    const picked: (PickedValue | undefined)[] = new Array(columns.length).fill(undefined);
    const ranks: number[] = new Array(columns.length).fill(Number.POSITIVE_INFINITY);
    for (const key of Object.keys(raw)) {
      for (const { column, rank, path } of waysOf(key)) {
        if (rank > (ranks[column] ?? 0) || losesTie(rank, ranks[column], key, picked[column])) continue;
        const value = path.length === 0 ? raw[key] : valueAtPath(raw[key], path);
        if (value !== unreadable && isAbsent(value)) continue;
        picked[column] = value === unreadable ? { value: raw[key], key, isUnreadable: true } : { value, key };
        ranks[column] = rank;
      }
    }
    return picked;
  };
}

/** Whether a column of this name would be looked at for one of the candidates. */
export function isCandidate(name: string, candidates: readonly string[]): boolean {
  return findMappings(name, [candidates]).length > 0;
}

// Two names may be one when normalised (`Name` and `name `). JSON objects come back from the database in another order, so
// order must not decide.
function losesTie(rank: number, best: number | undefined, key: string, held: PickedValue | undefined): boolean {
  return rank === best && held !== undefined && held.key <= key;
}

function findMappings(key: string, columns: readonly (readonly string[])[]): readonly KeyMapping[] {
  const names = [normalizedName(key), normalizedName(withoutType(key) ?? '')];
  const ways: KeyMapping[] = [];
  columns.forEach((candidates, column) => {
    candidates.forEach((candidate, at) => {
      const way = mappingTo(candidate, key, names);
      if (way !== undefined) ways.push({ column, rank: at * 4 + way.looseness, path: way.path });
    });
  });
  return ways.length === 0 ? noMappings : ways;
}

/** How the key leads to the candidate: by its very name, by its normalised one, without its type, or as the head of a path. */
function mappingTo(candidate: string, key: string, [name, bare]: readonly string[]) {
  if (candidate === key) return { looseness: 0, path: [] };
  const [head = '', ...path] = candidate.split('.');
  if (path.length > 0 && normalizedName(head) === name && name !== '') return { looseness: 0, path };
  const wanted = normalizedName(candidate);
  if (wanted === '') return undefined;
  if (wanted === name) return { looseness: 1, path: [] };
  return wanted === bare ? { looseness: 2, path: [] } : undefined;
}

/** Follows the path into objects, or into the JSON of objects, which is how a CSV cell holds them. */
function valueAtPath(value: unknown, path: readonly string[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const object = parseObject(value);
  if (object === undefined || object === unreadable) return object;
  if (step !== '*') return valueAtPath(childOf(object, step), rest);
  const found = Object.keys(object)
    .sort()
    .map((key) => valueAtPath(object[key], rest));
  return found.find((item) => !isAbsent(item)) ?? found.find((item) => item === unreadable);
}

function childOf(object: Readonly<Record<string, unknown>>, step: string): unknown {
  if (Object.hasOwn(object, step)) return object[step];
  const wanted = normalizedName(step);
  const key = Object.keys(object)
    .sort()
    .find((name) => normalizedName(name) === wanted);
  return key === undefined ? undefined : object[key];
}

const unreadable = Symbol('unreadable');

type PlainObject = Readonly<Record<string, unknown>>;

/** The object, also one in JSON or as Python prints it; undefined for a value that is no object and does not look like one. */
function parseObject(value: unknown): PlainObject | typeof unreadable | undefined {
  // A list has no fields; of an exported file it is a text that begins with a bracket.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? undefined : (value as PlainObject);
  if (typeof value !== 'string' || !value.trimStart().startsWith('{')) return undefined;
  return parseJsonObject(value) ?? parseJsonObject(pythonToJson(value.trim())) ?? unreadable;
}

function parseJsonObject(text: string | undefined): PlainObject | undefined {
  try {
    const parsed: unknown = text === undefined ? undefined : JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as PlainObject) : undefined;
  } catch {
    return undefined;
  }
}

// Applications that show field ids instead of names end each in its type: `email_text`, `coach_user`, `tags_list_text`.
const typeSuffix = /_(?:list_)?(?:text|number|date|boolean|image|file|user|geographic_address|(?:option|custom)_.*)$/i;

/** A field's name as it is compared: without case, blanks, underscores and punctuation. */
export function normalizedName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}*]+/gu, '');
}

/** The name of a field that carries its Bubble type at its end, without it; undefined when it carries none. */
function withoutType(name: string): string | undefined {
  const bare = name.replace(typeSuffix, '');
  return bare === name || bare === '' ? undefined : bare;
}

const blank = /^[\s\u200b-\u200d\u2060\ufeff]*$/;

/**
 * Whether a value says nothing. To Bubble a field that is missing, null or empty is the same, a CSV cell knows only
 * empty, and databases on the way leave a literal NULL behind (in capitals: Null is a family name).
 */
export function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string') return value.length < 64 && (value === 'NULL' || blank.test(value));
  return typeof value === 'symbol' || typeof value === 'function';
}
