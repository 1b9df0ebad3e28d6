import { integer, stringParam } from '../params/readers.ts';
import { type Reader, readShape, type Shape } from '../params/shape.ts';
import type { Filter } from './resource.ts';

const RANGE = { gt: integer(), gte: integer(), lt: integer(), lte: integer() };

const timeRange: Reader<Readonly<Record<string, number>>> = (value, name) => {
  if (typeof value !== 'string') return readShape(value, RANGE, name) as Record<string, number>;
  const at = integer()(value, name);
  return { gte: at, lte: at };
};

/** A time in seconds: a number, or bounds. */
export function byTime(field: string): Filter {
  return {
    reader: timeRange,
    matches(object, wanted) {
      const at = Number(object[field]);
      const { gt, gte, lt, lte } = wanted as Partial<Record<'gt' | 'gte' | 'lt' | 'lte', number>>;
      if (gt !== undefined && at <= gt) return false;
      if (gte !== undefined && at < gte) return false;
      return (lt === undefined || at < lt) && (lte === undefined || at <= lte);
    },
  };
}

/** The field is exactly this. */
export function byValue(field: string, reader: Shape[string] = stringParam): Filter {
  return { reader, matches: (object, wanted) => object[field] === wanted };
}

/** The field is one of these. */
export function byOneOf(field: string, reader: Shape[string]): Filter {
  return { reader, matches: (object, wanted) => (wanted as unknown[]).includes(object[field]) };
}
