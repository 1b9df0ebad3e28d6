import { isAbsent } from './parsers/absent.ts';
import { normalName, withoutType } from './source-name.ts';

/** A value found for a column, and the source field it was found in. */
export interface Picked {
  readonly value: unknown;
  readonly key: string;
}

/** Finds the value of every column in a raw record. Columns for which nothing is there are left out. */
export type Picker = (raw: Readonly<Record<string, unknown>>) => (Picked | undefined)[];

/** One way from a raw key to a column; of several that lead somewhere the lowest rank wins. */
interface Way {
  readonly column: number;
  readonly rank: number;
  /** Keys to follow inside the value. */
  readonly path: readonly string[];
}

// Field names are few; this bounds what a source with made-up names on every record could make us keep.
const maxLearned = 5000;
const noWays: readonly Way[] = [];

/**
 * Compiles lists of candidate names, one list a column. Looks at every key of a record once; how a key maps is learned at
 * its first sight, so that no name is normalised twice.
 */
export function compilePicker(columns: readonly (readonly string[])[]): Picker {
  const known = new Map<string, readonly Way[]>();
  const waysOf = (key: string): readonly Way[] => {
    const ways = known.get(key) ?? findWays(key, columns);
    if (known.size < maxLearned) known.set(key, ways);
    return ways;
  };
  return (raw) => {
    const picked: (Picked | undefined)[] = new Array(columns.length).fill(undefined);
    const ranks: number[] = new Array(columns.length).fill(Number.POSITIVE_INFINITY);
    for (const key of Object.keys(raw)) {
      for (const { column, rank, path } of waysOf(key)) {
        if (rank > (ranks[column] ?? 0) || isTied(rank, ranks[column], key, picked[column])) continue;
        const value = path.length === 0 ? raw[key] : dig(raw[key], path);
        if (isAbsent(value)) continue;
        picked[column] = { value, key };
        ranks[column] = rank;
      }
    }
    return picked;
  };
}

// Two names may be one when normalised (`Name` and `name `). JSON objects come back from the database in another order, so
// order must not decide.
function isTied(rank: number, best: number | undefined, key: string, held: Picked | undefined): boolean {
  return rank === best && held !== undefined && held.key <= key;
}

function findWays(key: string, columns: readonly (readonly string[])[]): readonly Way[] {
  const names = [normalName(key), normalName(withoutType(key) ?? '')];
  const ways: Way[] = [];
  columns.forEach((candidates, column) => {
    candidates.forEach((candidate, at) => {
      const way = wayTo(candidate, key, names);
      if (way !== undefined) ways.push({ column, rank: at * 4 + way.looseness, path: way.path });
    });
  });
  return ways.length === 0 ? noWays : ways;
}

/** How the key leads to the candidate: by its very name, by its normalised one, without its type, or as the head of a path. */
function wayTo(candidate: string, key: string, [name, bare]: readonly string[]) {
  if (candidate === key) return { looseness: 0, path: [] };
  const [head = '', ...path] = candidate.split('.');
  if (path.length > 0 && normalName(head) === name && name !== '') return { looseness: 0, path };
  const wanted = normalName(candidate);
  if (wanted === '') return undefined;
  if (wanted === name) return { looseness: 1, path: [] };
  return wanted === bare ? { looseness: 2, path: [] } : undefined;
}

/** Follows the path into objects, or into the JSON of objects, which is how a CSV cell holds them. */
function dig(value: unknown, path: readonly string[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const object = objectOf(value);
  if (object === undefined) return undefined;
  if (step !== '*') return dig(stepInto(object, step), rest);
  const found = Object.keys(object)
    .sort()
    .map((key) => dig(object[key], rest));
  return found.find((item) => !isAbsent(item));
}

function stepInto(object: Readonly<Record<string, unknown>>, step: string): unknown {
  if (Object.hasOwn(object, step)) return object[step];
  const wanted = normalName(step);
  const key = Object.keys(object)
    .sort()
    .find((name) => normalName(name) === wanted);
  return key === undefined ? undefined : object[key];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  if (typeof value !== 'string' || !value.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
