import type { Parser } from './parsed.ts';
import { textOf } from './text.ts';

/** A password to the letter: blanks around it are part of it. */
export const secret: Parser = (value) => textOf(value);
