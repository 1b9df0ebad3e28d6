/** An error in PostgREST's format. How a client should react depends on `code`, not on the status. */
export class PgError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: string | null;
  readonly hint: string | null;

  constructor(code: string, message: string, details: string | null = null, hint: string | null = null) {
    super(message);
    this.code = code;
    this.status = statusOf(code);
    this.details = details;
    this.hint = hint;
  }

  get body() {
    return { code: this.code, details: this.details, hint: this.hint, message: this.message };
  }
}

/** Statuses by full error code. */
const CODE_STATUSES: Readonly<Record<string, number>> = {
  '23503': 409,
  '23505': 409,
  '25006': 405,
  '42P01': 404,
  '42883': 404,
  '42501': 403,
  '57014': 500,
  '57P01': 503,
  '21000': 500,
  P0001: 400,
  PGRST000: 503,
  PGRST001: 503,
  PGRST002: 503,
  PGRST003: 504,
  PGRST103: 416,
  PGRST116: 406,
  PGRST125: 404,
  PGRST202: 404,
  PGRST205: 404,
  PGRST301: 401,
  PGRST302: 401,
  PGRST303: 401,
};

/** Statuses by error class, the first two characters of the code. */
const CLASS_STATUSES: Readonly<Record<string, number>> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '25': 500,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '53': 503,
  '54': 500,
  '55': 500,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  XX: 500,
};

/** The status that PostgREST answers for an error code. */
function statusOf(code: string): number {
  return CODE_STATUSES[code] ?? CLASS_STATUSES[code.slice(0, 2)] ?? 400;
}

const MESSAGES: Readonly<Record<string, string>> = {
  '57014': 'canceling statement due to statement timeout',
  '57P01': 'terminating connection due to administrator command',
  '53300': 'sorry, too many clients already',
  '40001': 'could not serialize access due to concurrent update',
  '40P01': 'deadlock detected',
  '21000': 'ON CONFLICT DO UPDATE command cannot affect row a second time',
  '42501': 'permission denied for table products',
  '54001': 'stack depth limit exceeded',
  PGRST003: 'Timed out acquiring connection from connection pool.',
  PGRST002: 'Could not query the database for the schema cache. Retrying.',
  XX000: 'internal error',
};

/** The error of a fault rule with a code. */
export function errorOfCode(code = 'XX000'): PgError {
  return new PgError(code, MESSAGES[code] ?? `error ${code}`);
}
