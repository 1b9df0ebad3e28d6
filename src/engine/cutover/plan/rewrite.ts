import type { Name } from '../contract.ts';
import { quoteName } from '../names.ts';

// A string, a quoted name, a word, or any one character. Deparsed SQL holds no comments and no dollar quotes.
const tokenPattern = /[eE]?'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\s+|[\s\S]/g;

/**
 * A query as PostgreSQL deparses it, reading other relations: `public.users` becomes `staging.users AS users`. Only for
 * what must be built before the names change; whether the result reads what it should is seen in the catalog afterwards,
 * where its text must be the same as before.
 */
export function rewriteRelations(query: string, moves: readonly { readonly from: Name; readonly to: Name }[]): string {
  const tokens = query.match(tokenPattern) ?? [];
  const out: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const move =
      tokens[at + 1] === '.' && opensRelation(tokens, at) && moves.find((one) => matchesName(tokens, at, one.from));
    if (!move) {
      out.push(tokens[at] ?? '');
      continue;
    }
    // The alias as the text writes the name, so that a text that had it and one that gets it become the same.
    out.push(quoteName(move.to), hasAlias(tokens, at + 3) ? '' : ` ${tokens[at + 2]}`);
    at += 2;
  }
  return out.join('');
}

function matchesName(tokens: readonly string[], at: number, name: Name): boolean {
  return unquoteName(tokens[at]) === name.schema && unquoteName(tokens[at + 2]) === name.name;
}

function unquoteName(text = ''): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

// A relation stands behind FROM, JOIN, ONLY, LATERAL, a comma or a bracket; a column `alias.column` may only look like one.
function opensRelation(tokens: readonly string[], at: number): boolean {
  const before = tokens.slice(0, at).findLast((one) => one.trim() !== '');
  return before !== undefined && /^(FROM|JOIN|ONLY|,|\()$/.test(before);
}

// Keywords are deparsed in capitals; an alias is in small letters or quoted.
function hasAlias(tokens: readonly string[], at: number): boolean {
  const next = tokens.slice(at).find((one) => one.trim() !== '') ?? '';
  return next.startsWith('"') || /^[a-z_\u0080-\uffff]/.test(next);
}
