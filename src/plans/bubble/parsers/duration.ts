import { readInteger } from './integer.ts';
import { type Parser, Problem } from './parsed.ts';

const withUnit = /^\s*(\S+)\s*(?:m|min|mins|minutes?)\.?\s*$/i;

/** Minutes, more than none. `60 min` is 60. */
export const duration: Parser = (value) => {
  const bare = typeof value === 'string' ? (withUnit.exec(value)?.[1] ?? value) : value;
  const minutes = readInteger(bare);
  if (typeof minutes !== 'number' || minutes > 0) return minutes;
  return new Problem('BAD_DURATION', minutes === 0 ? 'is zero' : `is negative (${minutes})`);
};
