import { z } from 'zod';
import { compareText } from '../core/compare-text.ts';
import { isEmpty, type Row, readField } from './schema.ts';

const CONSTRAINT_TYPES = [
  'equals',
  'not equal',
  'is_empty',
  'is_not_empty',
  'empty',
  'not empty',
  'text contains',
  'not text contains',
  'greater than',
  'less than',
  'in',
  'not in',
  'contains',
  'not contains',
] as const;

const constraintSchema = z
  .object({ key: z.string(), constraint_type: z.enum(CONSTRAINT_TYPES), value: z.json().optional() })
  .transform((raw) => ({ ...raw, value: normalizeDate(raw.value) }));

export const constraintsSchema = z.array(constraintSchema);

export type Constraint = z.infer<typeof constraintSchema>;

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** Rows hold dates with milliseconds and `Z`; a constraint may have the same time in another ISO format. */
function normalizeDate(value: unknown): unknown {
  if (typeof value !== 'string' || !ISO_DATE.test(value)) return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date.toISOString();
}

/** Whether a row meets a constraint. An empty field equals only an empty value, and is neither greater nor less than any. */
export function matchesConstraint(row: Row, constraint: Constraint): boolean {
  const field = readField(row, constraint.key);
  const { value } = constraint;
  switch (constraint.constraint_type) {
    case 'equals':
      return sameValue(field, value);
    case 'not equal':
      return !sameValue(field, value);
    case 'is_empty':
    case 'empty':
      return isEmpty(field);
    case 'is_not_empty':
    case 'not empty':
      return !isEmpty(field);
    case 'text contains':
      return containsText(field, value);
    case 'not text contains':
      return !containsText(field, value);
    case 'greater than':
      return typeof field === typeof value && compareValues(field, value) > 0;
    case 'less than':
      return typeof field === typeof value && compareValues(field, value) < 0;
    case 'in':
      return Array.isArray(value) && value.some((item) => sameValue(field, item));
    case 'not in':
      return Array.isArray(value) && !value.some((item) => sameValue(field, item));
    case 'contains':
      return Array.isArray(field) && field.includes(value);
    case 'not contains':
      return !(Array.isArray(field) && field.includes(value));
  }
}

function sameValue(field: unknown, value: unknown): boolean {
  if (isEmpty(field) || isEmpty(value)) return isEmpty(field) && isEmpty(value);
  return field === value || JSON.stringify(field) === JSON.stringify(value);
}

function containsText(field: unknown, value: unknown): boolean {
  return typeof field === 'string' && typeof value === 'string' && field.toLowerCase().includes(value.toLowerCase());
}

// Order.

export interface SortKey {
  readonly field: string;
  readonly descending: boolean;
}

export type RowOrder = (a: Row, b: Row) => number;

/**
 * An order by the given keys. Equal rows keep the order in which they were stored, which is not the order of their ids:
 * a client that needs a stable order must sort by the id as well.
 */
export function orderBy(keys: readonly SortKey[]): RowOrder {
  return (a, b) => {
    for (const { field, descending } of keys) {
      const difference = compareValues(readField(a, field), readField(b, field));
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  };
}

/** Empty values first, then by type, then by value; text by code unit. */
function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === typeof b) return compareText(JSON.stringify(a), JSON.stringify(b));
  return compareText(typeof a, typeof b);
}
