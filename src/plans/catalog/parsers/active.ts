import type { Json } from '../../../plan/json.ts';
import { Problem } from './problem.ts';

const trueWords = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const falseWords = new Set(['false', 'f', 'no', 'n', 'off', '0']);

/** Whether the product is sold. Nothing said means yes, as in Stripe; anything but yes and no is not guessed at. */
export function readActive(value: Json | undefined): boolean | Problem {
  if (value === null || value === undefined) return true;
  const text = typeof value === 'object' ? '' : String(value).trim().toLowerCase();
  if (trueWords.has(text)) return true;
  if (falseWords.has(text)) return false;
  return new Problem('BAD_ACTIVE', 'active', 'active is neither yes nor no');
}
