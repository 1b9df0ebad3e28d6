import { type Answer, jsonAnswer, type SandboxRequest } from '../../core/message.ts';
import { PgError } from '../pg-error.ts';
import type { Row } from '../store/cell.ts';
import type { Preferences } from './preferences.ts';
import type { Printer } from './select.ts';

export function errorAnswer(error: PgError, role?: string): Answer {
  // What nobody may do without a name is told to those without one as 401.
  const status = error.code === '42501' && role === 'anon' ? 401 : error.status;
  return jsonAnswer(status, error.body);
}

/** Rows as JSON, or one of them by itself where the client accepts nothing else. */
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
