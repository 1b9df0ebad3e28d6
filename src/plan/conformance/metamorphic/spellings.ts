import type { Json, JsonObject } from '../../json.ts';
import type { ListDescription } from './description.ts';

// The same data written another way.

/** A file before it is written. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** How a file is written. */
export interface Dialect {
  readonly delimiter: string;
  readonly quotes: 'all' | 'needed';
  readonly lineEnd: string;
  /** What stands before the header: a byte order mark, Excel's `sep=` line. */
  readonly before: string;
  /** What stands behind the last row. */
  readonly after: string;
  readonly encoding: 'utf8' | 'utf16le';
}

export const plainDialect: Dialect = {
  delimiter: ',',
  quotes: 'all',
  lineEnd: '\r\n',
  before: '',
  after: '\r\n',
  encoding: 'utf8',
};

export interface FileSpelling {
  readonly title: string;
  readonly dialect?: Partial<Dialect> | undefined;
  readonly table?: ((table: Table) => Table) | undefined;
  /** A refusal is right only where its message has one of these: it has to name the difference. */
  readonly namedBy: readonly string[] | ((table: Table) => readonly string[]);
}

export interface ApiSpelling {
  readonly title: string;
  readonly pageSize?: number | undefined;
  readonly records: (records: readonly JsonObject[]) => readonly JsonObject[];
}

const headers = (title: string, spell: (name: string) => string): FileSpelling => ({
  title: `headers ${title}`,
  table: ({ header, rows }) => ({ header: header.map(spell), rows }),
  namedBy: ({ header }) => header.map(spell),
});
const cells = (title: string, spell: (text: string) => string, namedBy: readonly string[]): FileSpelling => ({
  title,
  table: ({ header, rows }) => ({ header: header.map(spell), rows: rows.map((row) => row.map(spell)) }),
  namedBy,
});
const dialect = (title: string, change: Partial<Dialect>, ...namedBy: string[]): FileSpelling => ({
  title,
  dialect: change,
  namedBy,
});
const extraColumn = (name: string) => (table: Table) => ({
  header: [name, ...table.header],
  rows: table.rows.map((row, at) => [`note ${at}`, ...row]),
});

export const fileSpellings: readonly FileSpelling[] = [
  headers('in lower case', (name) => name.toLowerCase()),
  headers('in capitals', (name) => name.toUpperCase()),
  headers('with blanks around them', (name) => ` ${name}  `),
  headers('with underscores for blanks', (name) => name.replaceAll(' ', '_')),
  headers('with blanks for underscores', (name) => name.replaceAll('_', ' ')),
  headers('with no-break spaces', (name) => `${name.replaceAll(' ', '\u00a0')}\u00a0`),
  headers('with two blanks for one', (name) => name.replaceAll(' ', '  ')),
  {
    title: 'columns in reverse order',
    table: ({ header, rows }) => ({ header: header.toReversed(), rows: rows.map((row) => row.toReversed()) }),
    namedBy: ['column'],
  },
  { title: 'a column that no plan knows', table: extraColumn('Office remarks'), namedBy: ['Office remarks'] },
  { title: 'a column without a name', table: extraColumn(''), namedBy: ['no name'] },
  {
    title: 'rows in reverse order',
    table: ({ header, rows }) => ({ header, rows: rows.toReversed() }),
    namedBy: ['order'],
  },
  dialect('a byte order mark', { before: '\ufeff' }, 'byte order mark'),
  dialect('delimiter ;', { delimiter: ';' }, 'delimiter', 'separator'),
  dialect('delimiter tab', { delimiter: '\t' }, 'delimiter', 'separator'),
  dialect("Excel's sep= line", { before: '\ufeffsep=;\r\n', delimiter: ';' }, 'sep='),
  dialect('quotation marks only where needed', { quotes: 'needed' }, 'quotation'),
  dialect('; and quotation marks only where needed', { delimiter: ';', quotes: 'needed' }, 'quotation', 'delimiter'),
  dialect('line ends LF', { lineEnd: '\n', after: '\n' }, 'line end'),
  dialect('line ends CR', { lineEnd: '\r', after: '\r' }, 'line end'),
  dialect('no line end behind the last row', { after: '' }, 'line end'),
  dialect('blank lines behind the last row', { after: '\r\n\r\n\r\n' }, 'blank', 'empty'),
  dialect('rows of delimiters behind the last row', { after: '\r\n,,,\r\n,,,\r\n' }, 'cells', 'blank', 'empty'),
  dialect('UTF-16', { before: '\ufeff', encoding: 'utf16le' }, 'UTF-16'),
  cells('Unicode form NFD', (text) => text.normalize('NFD'), ['Unicode']),
  {
    ...cells('everything at once', (text) => text.normalize('NFD').replaceAll(' ', '\u00a0'), ['Unicode']),
    title: 'everything at once',
    table: ({ header, rows }) => {
      const spelled = header.map((name) => `${name.toUpperCase().normalize('NFD').replaceAll(' ', '_')} `);
      return {
        header: [...spelled.toReversed(), 'Office remarks'],
        rows: rows.toReversed().map((row) => [...row.map((cell) => cell.normalize('NFD')).toReversed(), 'seen']),
      };
    },
    dialect: { before: '\ufeff', delimiter: ';', quotes: 'needed', lineEnd: '\n', after: '\n\n' },
  },
];

export function apiSpellings(pageSizes: readonly number[]): readonly ApiSpelling[] {
  const same = (records: readonly JsonObject[]) => records;
  return [
    ...pageSizes.map((pageSize) => ({ title: `pages of ${pageSize}`, pageSize, records: same })),
    { title: 'records in reverse order', records: (records) => records.toReversed() },
    { title: 'fields in reverse order', records: (records) => records.map(reversedFields) },
    {
      title: 'a field that no plan knows',
      records: (records) => records.map((record) => ({ ...record, office_remarks: 'seen' })),
    },
    { title: 'Unicode form NFD', records: (records) => records.map((record) => spelledText(record) as JsonObject) },
    {
      title: 'everything at once',
      pageSize: pageSizes[0],
      records: (records) =>
        records.toReversed().map((record) => ({ office_remarks: 'seen', ...reversedFields(spelledText(record)) })),
    },
  ];
}

function reversedFields(record: Json): JsonObject {
  return Object.fromEntries(Object.entries(record as JsonObject).toReversed());
}

function spelledText(value: Json): Json {
  if (typeof value === 'string') return value.normalize('NFD');
  if (Array.isArray(value)) return value.map(spelledText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, held]) => [key, spelledText(held)]));
}

/** The records as the cells of a file. */
export function tableOf({ columns, records }: Pick<ListDescription, 'columns' | 'records'>): Table {
  const header = Object.keys(columns);
  return { header, rows: records.map((record) => header.map((name) => String(record[name] ?? ''))) };
}

/** The file's bytes. */
export function renderFile({ header, rows }: Table, change: Partial<Dialect> = {}): Buffer {
  const { delimiter, quotes, lineEnd, before, after, encoding } = { ...plainDialect, ...change };
  const cell = (text: string) =>
    quotes === 'all' || text.includes(delimiter) || /["\r\n]|^\s|\s$/.test(text)
      ? `"${text.replaceAll('"', '""')}"`
      : text;
  const lines = [header, ...rows].map((row) => row.map(cell).join(delimiter));
  return Buffer.from(`${before}${lines.join(lineEnd)}${after}`, encoding);
}
