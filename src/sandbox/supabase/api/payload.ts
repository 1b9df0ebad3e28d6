import { PgError } from '../pg-error.ts';

/** The objects of a body: one, or a list. Throws PgError PGRST102 for anything else. */
export function parseObjects(body: Buffer): Readonly<Record<string, unknown>>[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new PgError('PGRST102', 'Empty or invalid json');
  }
  const objects = [value].flat();
  if (objects.some((object) => typeof object !== 'object' || object === null)) {
    throw new PgError('PGRST102', 'Empty or invalid json');
  }
  return objects as Readonly<Record<string, unknown>>[];
}
