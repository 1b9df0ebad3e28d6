import type { Json } from '../../plan/json.ts';

/** A text without what PostgreSQL cannot store, trimmed; a number as text. Null when there is none. */
export function textOf(value: Json | undefined): string | null {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return null;
  const text = value.toWellFormed().replaceAll('\0', '').trim();
  return text === '' ? null : text;
}
