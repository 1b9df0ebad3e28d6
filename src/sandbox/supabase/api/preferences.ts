import { PgError } from '../pg-error.ts';

/** What a `Prefer` header asks for. */
export interface Preferences {
  readonly count: boolean;
  readonly representation: boolean;
  readonly resolution: 'merge-duplicates' | 'ignore-duplicates' | undefined;
  readonly missingDefault: boolean;
  /** Holds with `handling=strict` only. */
  readonly maxAffected: number | undefined;
  /** For `Preference-Applied`. */
  readonly applied: readonly string[];
}

const KNOWN =
  /^(count=(exact|planned|estimated)|return=(minimal|representation|headers-only)|resolution=(merge|ignore)-duplicates|missing=(default|null)|handling=(strict|lenient)|max-affected=\d+|tx=(commit|rollback)|timezone=.+)$/;

/** Throws PgError PGRST122 for a preference nobody knows, when handling is strict. */
export function parsePreferences(header: string | string[] | undefined): Preferences {
  const given = [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  const known = given.filter((item) => KNOWN.test(item));
  const strict = known.includes('handling=strict');
  const strangers = given.filter((item) => !KNOWN.test(item));
  if (strict && strangers.length > 0) {
    const details = `Invalid preferences: ${strangers.join(', ')}`;
    throw new PgError('PGRST122', 'Invalid preferences given with handling=strict', details);
  }
  const limit = known.find((item) => item.startsWith('max-affected='));
  const resolution = known.find((item) => item.startsWith('resolution='))?.slice('resolution='.length);
  return {
    count: known.some((item) => item.startsWith('count=')),
    representation: known.includes('return=representation'),
    resolution: resolution as Preferences['resolution'],
    missingDefault: known.includes('missing=default'),
    maxAffected: strict && limit !== undefined ? Number(limit.split('=')[1]) : undefined,
    applied: known,
  };
}
