import { PgError } from '../pg-error.ts';
import { asText, type Cell, compareCells, type Row, toCell } from '../schema.ts';
import type { Table } from '../store.ts';
import { type ColumnPath, columnPath, type Order, splitList, unquote } from './columns.ts';

export interface Filter {
  matches(row: Row): boolean;
  /** Set when the filter is a lower bound of a plain column: a page by key then need not start at the first row. */
  readonly above?: { readonly column: string; readonly value: Cell; readonly strictly: boolean };
}

const RESERVED = new Set(['select', 'order', 'limit', 'offset', 'columns', 'on_conflict', 'apikey']);

/** The conditions of a query; a row must meet all of them. Throws PgError. */
export function parseFilters(query: URLSearchParams, table: Table): Filter[] {
  return [...query].filter(([name]) => !RESERVED.has(name)).map(([name, value]) => parseParam(name, value, table));
}

function parseParam(name: string, value: string, table: Table): Filter {
  const logic = /^(not\.)?(and|or)$/.exec(name);
  if (logic !== null) return parseLogic(logic[1] !== undefined, String(logic[2]), value, table);
  return parseCondition(name, value, table);
}

function parseLogic(negated: boolean, kind: string, text: string, table: Table): Filter {
  if (!/^\(.*\)$/s.test(text)) throw unparsableFilter(text);
  const parts = splitList(text.slice(1, -1)).map((part) => parsePart(part, table));
  const all = (row: Row) =>
    kind === 'and' ? parts.every((part) => part.matches(row)) : parts.some((part) => part.matches(row));
  return { matches: negated ? (row) => !all(row) : all };
}

/** `a.eq.1`, `not.a.eq.1` or `and(...)` inside a logic tree. */
function parsePart(text: string, table: Table): Filter {
  const logic = /^(not\.)?(and|or)(\(.*\))$/s.exec(text);
  if (logic !== null) return parseLogic(logic[1] !== undefined, String(logic[2]), String(logic[3]), table);
  const match = /^(not\.)?([^.]+)\.(.*)$/s.exec(text);
  if (match === null) throw unparsableFilter(text);
  return parseCondition(String(match[2]), `${match[1] ?? ''}${match[3]}`, table, true);
}

function parseCondition(name: string, text: string, table: Table, quotable = false): Filter {
  const match = /^(not\.)?([a-z]+)\.(.*)$/s.exec(text);
  if (match === null) throw unparsableFilter(text);
  const [, negation, operator = '', rest = ''] = match;
  const given = quotable ? unquote(rest) : rest;
  const path = columnPath(name, table);
  const test = testOf(operator, given, path);
  if (negation !== undefined) {
    // As in SQL, a comparison with null is null, and its negation too: such a row never matches.
    return { matches: (row) => (operator === 'is' || path.read(row) !== null) && !test(path.read(row)) };
  }
  const bound = operator === 'gt' || operator === 'gte';
  const above = bound && { above: { column: name, value: toCell(given, path.type), strictly: operator === 'gt' } };
  return { matches: (row) => test(path.read(row)), ...above };
}

function testOf(operator: string, text: string, { type }: ColumnPath): (cell: Cell) => boolean {
  const against = (holds: (difference: number) => boolean) => {
    const value = toCell(text, type);
    return (cell: Cell) => cell !== null && holds(compareCells(cell, value, type));
  };
  switch (operator) {
    case 'eq':
      return against((difference) => difference === 0);
    case 'neq':
      return against((difference) => difference !== 0);
    case 'gt':
      return against((difference) => difference > 0);
    case 'gte':
      return against((difference) => difference >= 0);
    case 'lt':
      return against((difference) => difference < 0);
    case 'lte':
      return against((difference) => difference <= 0);
    case 'in':
      return oneOf(text, type);
    case 'is':
      return isTest(text);
    case 'like':
    case 'ilike':
      return likeTest(text, operator === 'ilike' ? 'isu' : 'su', type);
    case 'cs':
      return (cell) => Array.isArray(cell) && (toCell(text, 'text[]') as string[]).every((item) => cell.includes(item));
    default:
      throw unparsableFilter(`${operator}.${text}`);
  }
}

function oneOf(text: string, type: ColumnPath['type']): (cell: Cell) => boolean {
  if (!/^\(.*\)$/s.test(text)) throw unparsableFilter(`in.${text}`);
  const values = splitList(text.slice(1, -1)).map((item) => String(toCell(unquote(item), type)));
  const wanted = new Set(values);
  return (cell) => cell !== null && wanted.has(String(cell));
}

function isTest(text: string): (cell: Cell) => boolean {
  const tests: Readonly<Record<string, (cell: Cell) => boolean>> = {
    null: (cell) => cell === null,
    not_null: (cell) => cell !== null,
    true: (cell) => cell === true,
    false: (cell) => cell === false,
    unknown: (cell) => cell === null,
  };
  const test = tests[text.toLowerCase()];
  if (test === undefined) throw unparsableFilter(`is.${text}`);
  return test;
}

function likeTest(text: string, flags: string, type: ColumnPath['type']): (cell: Cell) => boolean {
  const escaped = text
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/[*%]/g, '.*')
    .replace(/_/g, '.');
  const pattern = new RegExp(`^${escaped}$`, flags);
  return (cell) => cell !== null && pattern.test(asText(cell, type));
}

function unparsableFilter(text: string): PgError {
  return new PgError(
    'PGRST100',
    `"failed to parse filter (${text})" (line 1, column 1)`,
    `unexpected "${text.slice(0, 1)}"`,
  );
}

// Selection of rows.

/**
 * The rows that meet all filters, in order. In order of the key at most `limit` of them; in another order all. Without an
 * order rows come in order of the key, which PostgREST does not guarantee.
 */
export function selectRows(table: Table, filters: readonly Filter[], order: Order | undefined, limit: number): Row[] {
  const byKey = order === undefined || order.by === table.schema.key;
  const matches = (row: Row) => filters.every((filter) => filter.matches(row));
  if (!byKey) return table.rows().filter(matches).sort(order.compare);
  const rows = table.rows();
  const chosen: Row[] = [];
  for (let i = firstCandidateIndex(table, filters); i < rows.length && chosen.length < limit; i++) {
    const row = rows[i] as Row;
    if (matches(row)) chosen.push(row);
  }
  return chosen;
}

/** The index of the first row that can meet the lower bounds of the key. */
function firstCandidateIndex(table: Table, filters: readonly Filter[]): number {
  const indexes = filters.map(({ above }) =>
    above?.column === table.schema.key ? table.lowerBoundIndex(above.value, above.strictly) : 0,
  );
  return Math.max(0, ...indexes);
}
