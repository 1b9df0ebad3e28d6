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
