import type { Json, JsonObject } from '../../../plan/json.ts';
import type { EntityName } from '../entity-names.ts';
import type { Picker } from '../picker.ts';
import type { LocalZone } from './local-zone.ts';

/**
 * Why a value cannot be taken. `what` follows the field's name in a sentence ("is not a number"). It never quotes a
 * value that may be about a person.
 */
export class Problem {
  readonly code: string;
  readonly reason: string;

  constructor(code: string, what: string) {
    this.code = code;
    this.reason = what;
  }
}

/** What a parser may look at besides the value. */
export interface ParseContext {
  readonly reading: ReadOptions;
  /** The zone of local times in this record, when it is known. */
  readonly zone: LocalZone | undefined;
  /** The columns made so far. */
  readonly row: JsonObject;
  /** Says what was changed or left out while the row was made; never with a personal value. */
  note(text: string): void;
}

/** Pure. Answers the column's value, a problem, or undefined when nothing is left of the value. Throws nothing. */
export type Parser = (value: Json, context: ParseContext) => Json | Problem | undefined;

/** Spellings and what they mean. */
export type Vocabulary = ReadonlyMap<string, string>;

export type VocabularyName = 'role' | 'booking_status' | 'payment_status';

/** A run's parameters made ready for reading records. */
export interface ReadOptions {
  readonly pickers: Readonly<Record<EntityName, Picker>>;
  readonly vocabularies: Readonly<Record<VocabularyName, Vocabulary>>;
  /** The run's own names of currencies. */
  readonly currencies: Vocabulary;
  /** The zone of times that carry none, when the run names one. */
  readonly zone: LocalZone | undefined;
  readonly amountUnit: 'major' | 'minor';
  readonly defaultCurrency: string | undefined;
  readonly listSeparator: string | undefined;
  readonly activeWhenEmpty: boolean;
}
