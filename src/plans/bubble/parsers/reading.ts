import type { EntityName } from '../entity-names.ts';
import type { Picker } from '../picker.ts';
import type { LocalZone } from './local-zone.ts';

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
