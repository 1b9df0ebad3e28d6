/** One thing, as the API shows it. Empty fields are absent: Bubble does not tell empty from missing. */
export interface Row {
  readonly _id: string;
  readonly 'Created Date': string;
  readonly 'Modified Date': string;
  readonly [field: string]: unknown;
}

/** The fields that hold something: null, "", undefined and the empty list are the same nothing to Bubble. */
export function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (!isEmpty(value)) kept[name] = value;
  return kept;
}

export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** A field by its name, or by its path when the name as a whole is not there (`authentication.email.email`). */
export function readField(row: Row, name: string): unknown {
  const direct = row[name];
  if (direct !== undefined || !name.includes('.')) return direct;
  let value: unknown = row;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
