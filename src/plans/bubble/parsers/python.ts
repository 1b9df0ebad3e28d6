/**
 * A list or dict as Python prints it (`['a', "it's", None, True]`) as JSON text; undefined when it is something else. The
 * scripts this plan replaces wrote their CSV files with `str(value)`.
 */
export function pythonToJson(text: string): string | undefined {
  const out: string[] = [];
  let at = 0;
  while (at < text.length) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (match === null) return undefined;
    out.push(translate(match[0]));
    at = tokenPattern.lastIndex;
  }
  return out.join('');
}

// A string in either quotes; a name; a number; punctuation and blanks.
const tokenPattern =
  /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[[\]{},:]|\s+/suy;
const jsonLiterals: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false' };
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const escaped = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gis;

function translate(token: string): string {
  const name = jsonLiterals[token];
  if (name !== undefined) return name;
  if (!token.startsWith("'") && !token.startsWith('"')) return token;
  return JSON.stringify(token.slice(1, -1).replace(escaped, decodeEscape));
}

function decodeEscape(_all: string, x?: string, u?: string, long?: string, other = ''): string {
  const hex = x ?? u ?? long;
  if (hex === undefined) return escapes[other] ?? other;
  const point = Number.parseInt(hex, 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : '';
}
