import type { Random } from '../core/random.ts';

/** A unique id as Bubble makes them: creation in milliseconds, `x`, eighteen digits. */
export function uid(createdMs: number, random: Random): string {
  return `${createdMs}x${random.int(100, 999)}${random.text(15)}`;
}
