import { DroverError } from '../src/errors.ts';

interface PostgresError {
  readonly code?: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly table?: string;
}

// Connection and resource classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: 08 connection,
// 53 resources, 57 operator intervention, 58 system. 25006: read-only, as a demoted primary answers.
const unavailable = /^(08|53|57|58|25006)/;
// 40001 serialization failure, 40P01 deadlock, 55P03 lock not available.
const conflict = /^(40001|40P01|55P03)$/;
// 22 data exception, 23 integrity constraint violation, 54 program limit exceeded: a value too long for an index.
const refused = /^(22|23|54)/;
// 42: a named object does not exist, or access is denied.
const schema = /^(42|3F)/;
const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN']);

/**
 * An error of PostgreSQL or its driver as a DroverError. The driver's `detail` and `where` contain row values, so only the
 * primary message is kept, and for refused rows only the constraint and column.
 */
export function toDatabaseError(thrown: unknown): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const error = thrown as PostgresError;
  const code = error?.code ?? '';
  if (conflict.test(code)) return new DroverError('DATABASE_CONFLICT', error.message, { cause: thrown });
  if (error?.constraint === 'runs_one_active') return alreadyActive(thrown);
  if (refused.test(code))
    return new DroverError('TARGET_CONSTRAINT', constraintMessage(error), { cause: thrown, field: error.column });
  if (schema.test(code)) return new DroverError('TARGET_SCHEMA', error.message, { cause: thrown });
  if (unavailable.test(code) || network.has(code) || isConnectionLoss(error)) {
    // Node's error for a host with several addresses has no message.
    return new DroverError('DATABASE_UNAVAILABLE', `PostgreSQL: ${error.message || code}`, { cause: thrown });
  }
  return new DroverError('INTERNAL', error?.message ?? String(thrown), { cause: thrown });
}

// When two operators start a run at once, the unique index decides; see db/schema/runs.ts.
function alreadyActive(cause: unknown): DroverError {
  return new DroverError('NOT_ALLOWED_NOW', 'another run of the plan into this schema is not finished', {
    cause,
    remedy: 'Wait for its end, cancel it, or load into another targetSchema.',
  });
}

function constraintMessage(error: PostgresError): string {
  const where = error.constraint ? ` (${error.constraint})` : '';
  const what: Record<string, string> = {
    '23502': 'a required column is empty',
    '23503': 'a foreign key references no row',
    '23505': 'a unique value is already taken',
    '23514': 'a check constraint is broken',
    '22001': 'a text is too long for its column',
    '22003': 'a number is out of range for its column',
    '54000': 'a value is too long for an index',
    '22P02': 'a value has the wrong type for its column',
  };
  const column = error.column ? ` in column ${error.column}` : '';
  return `${what[error.code ?? ''] ?? 'the target refuses the row'}${column}${where}`;
}

// pg's own errors of a lost connection have no code.
function isConnectionLoss(error: PostgresError): boolean {
  return [
    'Connection terminated',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    // The error of a ROLLBACK after the connection was lost at COMMIT.
    'Client has encountered a connection error',
    'Client was closed',
  ].some((start) => String(error?.message).startsWith(start));
}

/** Waits for a query; converts errors of PostgreSQL or the driver to a DroverError. */
export async function withDatabaseErrors<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DroverError) throw error;
    // drizzle wraps the driver's error; the SQLSTATE is on the cause.
    throw toDatabaseError((error as { cause?: unknown }).cause ?? error);
  }
}
