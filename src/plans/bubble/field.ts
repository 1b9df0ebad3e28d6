import type { Json } from '../../plan/json.ts';
import { type ParseContext, type Parser, Problem } from './parsers/parsed.ts';

/** How one column of the target is made: from which fields of the source, by which parser, and what stands for nothing. */
export interface Field {
  /** Names a source field may have, the most wanted first; dots lead into objects, `*` stands for any key on the way. */
  readonly from: readonly string[];
  readonly parse: Parser;
  readonly absent: (context: ParseContext) => Json | Problem;
  /** Set when the value is the source id of a record of this entity. */
  readonly references?: string;
}

/** A column that may be null. */
export function optional(from: readonly string[], parse: Parser): Field {
  return { from, parse, absent: () => null };
}

/** A column whose absence is answered with a value. */
export function defaulted(from: readonly string[], parse: Parser, absent: (context: ParseContext) => Json): Field {
  return { from, parse, absent };
}

/** A column without which there is no row. */
export function required(from: readonly string[], parse: Parser, code: string): Field {
  const problem = new Problem(code, 'is missing');
  return { from, parse, absent: () => problem };
}

/** A column that points at a record of another entity. */
export function referenceTo(entity: string, from: readonly string[], parse: Parser): Field {
  return { ...required(from, parse, 'MISSING_REFERENCE'), references: entity };
}
