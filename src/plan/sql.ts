/**
 * A target's access to its database. A statement with a name is prepared under it; a text without name and values may contain
 * several statements, which are one transaction. Throws DroverError.
 */
export interface SqlPort {
  query<T extends Record<string, unknown>>(
    name: string | undefined,
    text: string,
    values: readonly unknown[],
  ): Promise<T[]>;
}

/** A quoted identifier, with quotes doubled. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

// What `emailKey` removes, trims and folds, as escapes of E'' strings: a statement is ASCII whatever encoding the client uses.
const invisible = String.raw`\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff`;
const folded = {
  from: String.raw`\u03c2\u017f\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f5\u00b5\u1e9b`,
  to: String.raw`\u03c3s\u03b2\u03b8\u03c6\u03c0\u03ba\u03c1\u03b5\u03bc\u1e61`,
};
const ligatures: Readonly<Record<string, string>> = {
  ...{ '\\u00df': 'ss', '\\ufb00': 'ff', '\\ufb01': 'fi', '\\ufb02': 'fl' },
  ...{ '\\ufb03': 'ffi', '\\ufb04': 'ffl', '\\ufb05': 'st', '\\ufb06': 'st' },
};
const blanks = String.raw` \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000`;

/**
 * The form by which addresses are compared, as an immutable SQL expression: invisible characters removed, Unicode NFC, trimmed,
 * case-folded. It is `emailKey` without the domain as ASCII: compare with it in every spelling of the domain (`emailSpellings`).
 * Letters beyond ASCII become lower case only in a database whose locale is not `C` of libc, and letters of a newer Unicode
 * version than the database has stay as they are.
 */
export function emailKeySql(expression: string): string {
  const trimmed = `btrim(normalize(translate((${expression})::text, E'${invisible}', ''), NFC), E'${blanks}')`;
  // The Turkish capital keeps its dot, as in Unicode; what lower() makes of it depends on the locale of the database.
  const lower = `lower(replace(${trimmed}, E'\\u0130', E'i\\u0307'))`;
  const letters = `translate(${lower}, E'${folded.from}', E'${folded.to}')`;
  const all = Object.entries(ligatures).reduce((text, [from, to]) => `replace(${text}, E'${from}', '${to}')`, letters);
  return `normalize(${all}, NFC)`;
}

/** `"schema"."table"`. */
export function qualified(schema: string, table: string): string {
  return `${identifier(schema)}.${identifier(table)}`;
}
/** A string constant, valid for both values of standard_conforming_strings. */
export function literal(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}
/**
 * JSON text as a literal of ASCII without quotes: quotes and non-ASCII characters become JSON escapes, which have the same
 * value and cannot end the literal, whatever a value contains and whatever encoding the client uses.
 */
export function jsonLiteral(json: string): string {
  const plain = json.replace(/['\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${plain}'`;
}
