/**
 * How a target reaches its database. Statements with a name are prepared under it; a text without name and values may hold
 * several, which are one transaction. Throws DroverError.
 */
export interface SqlPort {
  query<T extends Record<string, unknown>>(
    name: string | undefined,
    text: string,
    values: readonly unknown[],
  ): Promise<T[]>;
}

/** A name as PostgreSQL wants it written: quoted, quotes doubled. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."table"`. */
export function qualified(schema: string, table: string): string {
  return `${identifier(schema)}.${identifier(table)}`;
}
/** A string constant, right whatever standard_conforming_strings says. */
export function literal(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}
/**
 * JSON text as a literal of nothing but ASCII without quotes: quotes and everything beyond ASCII become JSON escapes,
 * which mean the same and can close no literal, whatever a value holds and whatever encoding the client believes in.
 */
export function jsonLiteral(json: string): string {
  const plain = json.replace(/['\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${plain}'`;
}
