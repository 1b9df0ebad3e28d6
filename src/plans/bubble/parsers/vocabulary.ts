import { type Parser, Problem } from './parsed.ts';
import type { Vocabulary, VocabularyName } from './reading.ts';
import { maskedShapeOf } from './text.ts';
import { normalizedToken } from './token.ts';

/** A parser that takes the words of one vocabulary, whatever their case and spaces. */
export function vocabularyParser(name: VocabularyName, code: string, what: string): Parser {
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
export function vocabulary(words: Readonly<Record<string, readonly string[]>>): Vocabulary {
  return new Map(
    Object.entries(words).flatMap(([meaning, spellings]) =>
      [meaning, ...spellings].map((word) => [normalizedToken(word), meaning]),
    ),
  );
}
