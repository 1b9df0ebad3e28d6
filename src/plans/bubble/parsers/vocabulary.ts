import { createHash } from 'node:crypto';
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

/** Words that applications use for roles and statuses. They are shown as they are; none of them is a name of a person. */
const usualWords = new Set(
  (
    'active admin administrator agent approved archived assistant awaiting_payment billed booked buyer charged chargeback ' +
    'checked_in client closed coach confirmed consultant contractor created customer declined deleted disabled disputed draft due ' +
    'editor employee enabled error expired failed finished free guest hold host inactive invited lead learner manager member mentor ' +
    'moderator new none open operator other overdue owner paid parent partner pending postponed premium processed provider ' +
    'ready received refunded rejected requested reserved scheduled seeker sent settled staff started student superadmin ' +
    'support teacher teammate trainer transferred trial unknown unpaid upcoming user vendor verified viewer void waiting waitlisted'
  ).split(' '),
);

/**
 * A word that is not known, for messages. What is no usual word may be a name that was typed into the wrong field: its shape is
 * shown, and a hash by which equal values are told apart; the record has the word.
 */
function describeToken(token: string): string {
  if (usualWords.has(token.replaceAll(' ', '_'))) return JSON.stringify(token);
  return maskedWord(token);
}

/** The shape of a word and a hash, by which records with the same word are found without reading it. */
function maskedWord(word: string): string {
  return `${maskedShapeOf(word)} #${createHash('sha256').update(word).digest('hex').slice(0, 8)}`;
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

// What applications write for a currency beside the codes of ISO 4217; none of them is a name of a person.
const otherCodes = new Set([
  'BTC',
  'ETH',
  'USDT',
  'USDC',
  'RMB',
  'NTD',
  'STG',
  'PESO',
  'PESOS',
  'DOLLAR',
  'DOLLARS',
  'EUROS',
  'POUNDS',
  'POINTS',
  'CREDITS',
]);

const codeCache = new Map<string, string>();

/** An ISO 4217 code. Signs are not codes: `$` is the currency of twenty countries. */
export const currency: Parser = (value, { reading }) => {
  const text = textOf(value) ?? '';
  return codeCache.get(text) ?? reading.currencies.get(normalizedToken(value)) ?? parseCode(text);
};

function parseCode(text: string): string | Problem {
  const code = text.length > 16 ? undefined : parseCurrency(text);
  // Three capital letters are a code, known or not, and can be mapped. Signs are shown by their shape, which is themselves.
  if (code === undefined) {
    const isCode = /^[A-Z]{3}$/.test(text.trim()) || otherCodes.has(text.trim().toUpperCase());
    const shown = isCode ? JSON.stringify(text.trim()) : maskedWord(normalizedToken(text));
    return new Problem('UNKNOWN_CURRENCY', `is not a currency code of ISO 4217 (${shown})`);
  }
  if (codeCache.size < 1000) codeCache.set(text, code);
  return code;
}
