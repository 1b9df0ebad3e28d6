import type { SandboxRequest } from '../../core/message.ts';
import { PgError } from '../pg-error.ts';

export interface Range {
  readonly offset: number;
  readonly limit: number;
}

/** Which rows are asked for; the header beats the parameters. `most` cuts silently. */
export function rangeOf({ headers, query }: SandboxRequest, most: number): Range {
  const header = /^(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (header !== null) {
    const offset = Number(header[1]);
    const limit = header[2] === '' ? most : Number(header[2]) - offset + 1;
    if (limit < 0)
      throw new PgError(
        'PGRST103',
        'Requested range not satisfiable',
        'The lower boundary must be lower than or equal to the upper boundary in the Range header.',
      );
    return { offset, limit: Math.min(limit, most) };
  }
  return {
    offset: parseNonNegativeInteger(query.get('offset'), 'offset') ?? 0,
    limit: Math.min(parseNonNegativeInteger(query.get('limit'), 'limit') ?? most, most),
  };
}

function parseNonNegativeInteger(text: string | null, name: string): number | undefined {
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new PgError('PGRST100', `"failed to parse ${name} parameter (${text})" (line 1, column 1)`);
}

/** `0-24/3573458`, `0-24/*`, and with a star before the slash when no row is shown. */
export function contentRange({ offset }: Range, shown: number, total: number | undefined): string {
  const rows = shown > 0 ? `${offset}-${offset + shown - 1}` : '*';
  return `${rows}/${total ?? '*'}`;
}
