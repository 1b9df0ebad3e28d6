import { DroverError } from '../../errors.ts';

/**
 * What a refusal of PostgREST means, by its `code`: the status alone would have a permanent error tried again (21000
 * comes as 500) and a passing one given up. Undefined when the body holds no code, so that the status must do.
 */
export function mapRestError(label: string, status: number, text: string): DroverError | undefined {
  const { code, message } = parseErrorBody(text);
  const kind = code === undefined ? undefined : errorCodeOf(code);
  if (kind === undefined) return undefined;
  // PostgREST's `details` quote values; its message names columns and constraints, or one value at most.
  return new DroverError(kind, `${label}: ${status} ${code} ${message.slice(0, 200)}`);
}

// The longest prefix counts. SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const errorCodes: Readonly<Record<string, string>> = {
  '08': 'UPSTREAM_ERROR',
  '21': 'TARGET_CONSTRAINT',
  '22': 'UPSTREAM_REFUSED',
  '23': 'TARGET_CONSTRAINT',
  '28': 'UPSTREAM_UNAUTHORIZED',
  '40': 'UPSTREAM_ERROR',
  '42': 'UPSTREAM_REFUSED',
  '42501': 'UPSTREAM_UNAUTHORIZED',
  '42703': 'UPSTREAM_NOT_FOUND',
  '42P01': 'UPSTREAM_NOT_FOUND',
  '53': 'UPSTREAM_ERROR',
  '54': 'UPSTREAM_REFUSED',
  '55': 'UPSTREAM_ERROR',
  '57': 'UPSTREAM_ERROR',
  '57014': 'UPSTREAM_TIMEOUT',
  '58': 'UPSTREAM_ERROR',
  P0: 'UPSTREAM_REFUSED',
  PGRST0: 'UPSTREAM_ERROR',
  PGRST003: 'UPSTREAM_TIMEOUT',
  PGRST1: 'UPSTREAM_REFUSED',
  PGRST2: 'UPSTREAM_NOT_FOUND',
  PGRST3: 'UPSTREAM_UNAUTHORIZED',
};

function errorCodeOf(code: string): string | undefined {
  const prefixes = Array.from({ length: code.length }, (_, i) => code.slice(0, code.length - i));
  const known = prefixes.find((prefix) => Object.hasOwn(errorCodes, prefix));
  return known === undefined ? undefined : errorCodes[known];
}

function parseErrorBody(text: string): { code: string | undefined; message: string } {
  try {
    const { code, message } = JSON.parse(text) as Record<string, unknown>;
    return { code: typeof code === 'string' ? code : undefined, message: String(message ?? '') };
  } catch {
    return { code: undefined, message: '' };
  }
}
