import type { Json } from '../../json.ts';
import type { ColumnDescription, Meaning } from './description.ts';

// Data with one meaning taken away.

export interface Loss {
  readonly title: string;
  /** Undefined: the column or field itself is missing. */
  readonly value: (held: Json) => Json | undefined;
  /** What the column means is still there for a good reader: the same row is right as well. */
  readonly mayBeRead?: boolean | undefined;
}

const written = (...values: string[]): Loss[] =>
  values.map((value) => ({ title: `"${value}"`, value: () => value, mayBeRead: false }));

/** An amount in the spelling of another country; a reader may know it, and may never take it for another amount. */
const grouped = (title: string, group: string, point: string): Loss => ({
  title,
  mayBeRead: true,
  value: (held) => {
    const [whole = '', cents = ''] = String(held).split('.');
    const digits = whole.replace(/\B(?=(\d{3})+$)/g, group);
    return cents === '' ? digits : `${digits}${point}${cents}`;
  },
});

const byMeaning: Readonly<Record<Meaning, readonly Loss[]>> = {
  id: [],
  text: [],
  // As spreadsheets of several countries write a date back, a serial number, no day of the calendar, a column too narrow.
  date: written('02-Apr-2024 10:00', '4/2/2024 10:00', '45384.4166', '2024-02-30 10:00:00', '########', 'yesterday'),
  amount: [
    grouped('a dot that parts thousands', '.', ','),
    grouped('a comma that parts thousands', ',', '.'),
    grouped('a blank that parts thousands', ' ', '.'),
    grouped('a no-break space that parts thousands', '\u00a0', ','),
    grouped('an apostrophe that parts thousands', "'", '.'),
    ...written('a thousand', '1000,5O', '1.00.00', '10 00'),
  ],
  currency: written('XXZ', 'pesos or so'),
  word: written('unheard-of', '?'),
  email: written('nia at shop', 'nia@shop@example.com', 'nia@'),
  reference: written('no-such-record', 'niño-404', '1700000000000x999999999999999999'),
};

/** What is done to a column of one record. An empty cell is what a file has of a value that is absent. */
export function lossesOf({ meaning, needs = 'value' }: ColumnDescription, isFile: boolean): readonly Loss[] {
  // An API makes its records' ids itself, so it has none without.
  const isNeeded = needs === 'value' && meaning !== 'text' && (isFile || meaning !== 'id');
  const absent: readonly Loss[] = isFile
    ? [{ title: 'an empty cell', value: () => '' }]
    : [
        { title: 'no such field', value: () => undefined },
        { title: 'null', value: () => null },
      ];
  return [...(isNeeded ? absent : []), ...byMeaning[meaning]];
}

/** Codes that name a loss; what a plan calls something else says nothing of it. */
export const codesOf: Readonly<Record<Meaning, RegExp>> = {
  id: /ID\b/,
  date: /DATE|TIME/,
  amount: /AMOUNT|NUMBER|PRICE/,
  currency: /CURRENCY/,
  word: /UNKNOWN_|BAD_|NO_|MISSING_/,
  email: /EMAIL/,
  reference: /ORPHAN|REFERENCE/,
  text: /MISSING_|BAD_/,
};
