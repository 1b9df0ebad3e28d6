import type { Clock } from '../../core/clock.ts';
import type { FaultRule } from '../../core/faults.ts';
import type { Random } from '../../core/random.ts';
import { type Answer, jsonAnswer, type SandboxRequest } from '../../core/upstream.ts';
import { PgError } from '../pg-error.ts';
import type { Row } from '../schema.ts';
import type { Table } from '../store.ts';
import type { Role } from './auth.ts';
import type { Printer } from './columns.ts';

/** The context of one request. */
export interface ApiContext {
  readonly table: Table;
  readonly role: Role;
  readonly preferences: Preferences;
  readonly settings: Readonly<SupabaseSettings>;
  readonly clock: Clock;
  readonly random: Random;
  /** The faults that apply to this request. */
  readonly faults: readonly FaultRule[];
  /** Keys of the rows that faults or the request changed, for the journal. */
  readonly touched: string[];
}

/** The settings that may change while the sandbox runs; see the options of the same names. */
export type SupabaseSettings = {
  maxRows: number;
  latencyMs: number;
  touch: number;
};

/** The parsed `Prefer` header. */
interface Preferences {
  readonly count: boolean;
  readonly representation: boolean;
  readonly resolution: 'merge-duplicates' | 'ignore-duplicates' | undefined;
  readonly missingDefault: boolean;
  /** Undefined unless `handling=strict` is given as well. */
  readonly maxAffected: number | undefined;
  /** For `Preference-Applied`. */
  readonly applied: readonly string[];
}

const KNOWN_PREFERENCE =
  /^(count=(exact|planned|estimated)|return=(minimal|representation|headers-only)|resolution=(merge|ignore)-duplicates|missing=(default|null)|handling=(strict|lenient)|max-affected=\d+|tx=(commit|rollback)|timezone=.+)$/;

/** Parses a `Prefer` header. With `handling=strict`, throws PgError PGRST122 on an unknown preference. */
export function parsePreferences(header: string | string[] | undefined): Preferences {
  const given = [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  const known = given.filter((item) => KNOWN_PREFERENCE.test(item));
  const strict = known.includes('handling=strict');
  const unknownItems = given.filter((item) => !KNOWN_PREFERENCE.test(item));
  if (strict && unknownItems.length > 0) {
    const details = `Invalid preferences: ${unknownItems.join(', ')}`;
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

export function errorAnswer(error: PgError, role?: string): Answer {
  // A missing permission is answered 401 to unauthenticated requests, otherwise 403.
  const status = error.code === '42501' && role === 'anon' ? 401 : error.status;
  return jsonAnswer(status, error.body);
}

/** The rows as a JSON array, or a single object if the client accepts only that. Throws PgError PGRST116 when there is not exactly one. */
export function rowsAnswer(
  status: number,
  rows: readonly Row[],
  print: Printer,
  request: SandboxRequest,
  headers: Record<string, string>,
): Answer {
  const single = request.headers.accept?.includes('application/vnd.pgrst.object') ?? false;
  if (!single) return answer(status, `[${rows.map(print).join(',\n ')}]`, 'application/json', headers);
  if (rows.length !== 1) {
    throw new PgError(
      'PGRST116',
      'Cannot coerce the result to a single JSON object',
      `The result contains ${rows.length} rows`,
    );
  }
  return answer(status, print(rows[0] as Row), 'application/vnd.pgrst.object+json', headers);
}

export function noContent(status: number, headers: Record<string, string>): Answer {
  return { status, headers, body: '' };
}

export function preferenceHeaders({ applied }: Preferences): Record<string, string> {
  return applied.length === 0 ? {} : { 'preference-applied': applied.join(', ') };
}

function answer(status: number, body: string, type: string, headers: Record<string, string>): Answer {
  return { status, headers: { 'content-type': `${type}; charset=utf-8`, ...headers }, body };
}
