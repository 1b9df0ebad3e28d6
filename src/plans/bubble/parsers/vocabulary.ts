import { type Parser, Problem } from './parsed.ts';
import type { Vocabulary, VocabularyName } from './reading.ts';
import { shapeOf } from './text.ts';
import { tokenOf } from './token.ts';

/** A parser that takes the words of one vocabulary, whatever their case and spaces. */
export function wordOf(name: VocabularyName, code: string, what: string): Parser {
  return (value, { reading }) => {
    const token = tokenOf(value);
    return reading.vocabularies[name].get(token) ?? new Problem(code, `is not ${what} (${show(token)})`);
  };
}

// A word is shown so that it can be mapped; what is too long or odd for a word may be anything, so only its shape.
function show(token: string): string {
  return /^[\p{L}_]{1,24}$/u.test(token) ? JSON.stringify(token) : shapeOf(token);
}

/** The words as a vocabulary; every meaning is a word for itself. */
export function vocabulary(words: Readonly<Record<string, readonly string[]>>): Vocabulary {
  return new Map(
    Object.entries(words).flatMap(([meaning, spellings]) =>
      [meaning, ...spellings].map((word) => [tokenOf(word), meaning]),
    ),
  );
}
