import { parseCurrency } from '../../../money.ts';
import { type Parser, Problem, type Vocabulary, type VocabularyName } from './parser.ts';
import { itemsOf, maskedShapeOf, textOf } from './text.ts';

/** A parser that takes the words of one vocabulary, whatever their case and spaces. */
function vocabularyParser(name: VocabularyName, code: string, what: string): Parser {
  return (value, { reading }) => {
    const token = normalizedToken(value);
    return reading.vocabularies[name].get(token) ?? new Problem(code, `is not ${what} (${describeToken(token)})`);
  };
}

// A word is shown so that it can be mapped; what is too long or odd for a word may be anything, so only its shape.
function describeToken(token: string): string {
  return /^[\p{L}_]{1,24}$/u.test(token) ? JSON.stringify(token) : maskedShapeOf(token);
}

/** The words as a vocabulary; every meaning is a word for itself. */
function vocabulary(words: Readonly<Record<string, readonly string[]>>): Vocabulary {
  return new Map(
    Object.entries(words).flatMap(([meaning, spellings]) =>
      [meaning, ...spellings].map((word) => [normalizedToken(word), meaning]),
    ),
  );
}

/**
 * A word of a fixed vocabulary in one spelling: `No-show ` is `no_show`. A list of one is its word, as some
 * applications keep a single choice in a list.
 */
export function normalizedToken(value: unknown): string {
  const items = itemsOf(value);
  const text = textOf(items.length === 1 ? items[0] : value) ?? '';
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s_\-\u2010-\u2015]+/g, '_');
}

/** What Phase 2 calls people, and what Phase 1 called them. */
export const roles = { client: ['seeker'], coach: [], admin: [] } as const;

export const roleWords = vocabulary(roles);

/** `Seeker` is `client`. A person of two roles (`coach,client`) cannot be decided here. */
export const role = vocabularyParser('role', 'UNKNOWN_ROLE', 'a known role');

/** Statuses of a booking, and other words for them. */
export const bookingStatuses = {
  pending: [],
  confirmed: [],
  in_progress: [],
  completed: ['complete', 'done', 'finished'],
  cancelled: ['canceled', 'cancel'],
  no_show: ['noshow', 'did not show'],
  rescheduled: [],
} as const;

/** Statuses of a payment, and other words for them. */
export const paymentStatuses = {
  pending: ['unpaid'],
  processing: [],
  succeeded: ['success', 'successful', 'succeed', 'paid', 'settled', 'complete', 'completed'],
  failed: ['fail', 'failure', 'declined'],
  cancelled: ['canceled', 'cancel'],
  expired: [],
  refunded: ['refund'],
  partially_refunded: ['partial refund', 'partly refunded'],
  disputed: ['chargeback'],
} as const;

export const bookingWords = vocabulary(bookingStatuses);
export const paymentWords = vocabulary(paymentStatuses);

export const bookingStatus = vocabularyParser('booking_status', 'UNKNOWN_STATUS', 'a known booking status');
export const paymentStatus = vocabularyParser('payment_status', 'UNKNOWN_STATUS', 'a known payment status');

const booleanWords = new Map([
  ...['true', 'yes', 'y', 't', '1', 'on'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'f', '0', 'off'].map((word) => [word, false] as const),
]);

/** yes or no, in any of the usual spellings. */
export const boolean: Parser = (value) => {
  if (typeof value === 'boolean') return value;
  return (
    booleanWords.get(normalizedToken(value)) ??
    new Problem('BAD_BOOLEAN', `cannot be read as yes or no (${maskedShapeOf(value)})`)
  );
};

const codeCache = new Map<string, string>();

/** An ISO 4217 code. Signs are not codes: `$` is the currency of twenty countries. */
export const currency: Parser = (value, { reading }) => {
  const text = textOf(value) ?? '';
  return codeCache.get(text) ?? reading.currencies.get(normalizedToken(value)) ?? parseCode(text);
};

function parseCode(text: string): string | Problem {
  const code = text.length > 16 ? undefined : parseCurrency(text);
  if (code === undefined)
    return new Problem('UNKNOWN_CURRENCY', `is not a currency code of ISO 4217 (${maskedShapeOf(text)})`);
  if (codeCache.size < 1000) codeCache.set(text, code);
  return code;
}
