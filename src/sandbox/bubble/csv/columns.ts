import { type Row, readField } from '../row.ts';
import { type BubbleType, CUSTOM_FIELDS } from '../schema.ts';

export interface Column {
  readonly title: string;
  readonly read: (row: Row) => unknown;
}

/** The address that signs a user in; without one, what the custom field says. */
export function signInEmailOf(user: Row): unknown {
  const signIn = ['email', 'Google', 'LinkedIn'].map((service) => readField(user, `authentication.${service}.email`));
  return signIn.find((address) => address !== undefined) ?? user.email;
}

/**
 * The columns of a type's export: custom fields first, then what every thing has, under the export's own titles.
 * `creator` turns a `Created By` into what the export shows of it.
 */
export function columnsOf(type: BubbleType, creator: (id: unknown) => string): Column[] {
  const custom = Object.keys(CUSTOM_FIELDS[type]).map((title): Column => ({ title, read: (row) => row[title] }));
  const own =
    type === 'user'
      ? custom.map((column) => (column.title === 'email' ? { ...column, read: signInEmailOf } : column))
      : custom;
  return [
    ...own,
    { title: 'Creation Date', read: (row) => row['Created Date'] },
    { title: 'Modified Date', read: (row) => row['Modified Date'] },
    { title: 'Slug', read: (row) => row.Slug },
    { title: 'Creator', read: (row) => creator(row['Created By']) },
    { title: 'unique id', read: (row) => row._id },
  ];
}
