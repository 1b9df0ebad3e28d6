import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Random } from '../core/random.ts';
import { generate, type Manifest } from './data/generate.ts';
import { APP_ADMIN } from './data/users.ts';
import { BUBBLE_TYPES, type BubbleType, CUSTOM_FIELDS, type Row, readField } from './schema.ts';

interface CsvExport {
  readonly files: Readonly<Record<BubbleType, string>>;
  /** The expected outcomes are those of the API's data; the files only lack seconds and milliseconds. */
  readonly manifest: Manifest;
}

const FILE_NAMES: Readonly<Record<BubbleType, string>> = {
  user: 'users.csv',
  clientprofile: 'client_profiles.csv',
  coachprofile: 'coach_profiles.csv',
  booking: 'bookings.csv',
  payment: 'payments.csv',
};

/**
 * Writes the data that a sandbox with the same seed and size serves, in the format of Bubble's own CSV export. Throws
 * ZodError on an invalid option and RangeError on an unknown time zone.
 */
export function writeBubbleCsvExport(directory: string, options: CsvExportOptions = {}): CsvExport {
  const config = csvExportOptionsSchema.parse(options);
  const { rows, manifest } = generate(config);
  const creator = creatorNames(rows.user);
  mkdirSync(directory, { recursive: true });
  const files = Object.fromEntries(
    BUBBLE_TYPES.map((type) => {
      const file = join(directory, FILE_NAMES[type]);
      writeFileSync(file, csvText(arrangeColumns(columnsOf(type, creator), type, config), rows[type], config));
      return [type, file];
    }),
  );
  return { files: files as Record<BubbleType, string>, manifest };
}

function csvText(columns: readonly Column[], rows: readonly Row[], { zone, bom, crlf }: CsvExportConfig): string {
  const write = cellWriter(zone);
  const lines = [columns.map(({ title }) => quoted(title)).join(',')];
  for (const row of rows) lines.push(columns.map(({ read }) => quoted(write(read(row)))).join(','));
  const end = crlf ? '\r\n' : '\n';
  return `${bom ? '\ufeff' : ''}${lines.join(end)}${end}`;
}

function arrangeColumns(columns: readonly Column[], type: BubbleType, config: CsvExportConfig): Column[] {
  const extra = config.extraColumns.map((title): Column => ({ title, read: (row) => `${title} of ${row._id}` }));
  const kept = [...columns, ...extra].filter(({ title }) => !config.omitColumns.includes(title));
  return config.shuffleColumns ? new Random(config.seed).fork(`columns of ${type}`).shuffle(kept) : kept;
}

/** The creator column of the export: the address of an existing user, `(App admin)`, or empty for a deleted user. */
function creatorNames(users: readonly Row[]): (id: unknown) => string {
  const addresses = new Map(users.map((user) => [user._id, String(signInEmailOf(user) ?? '')]));
  return (id) => (id === APP_ADMIN ? '(App admin)' : (addresses.get(String(id)) ?? ''));
}

const csvExportOptionsSchema = z.strictObject({
  seed: z.int().min(0).default(7),
  users: z.int().min(0).max(1_000_000).default(5000),
  dirt: z.number().min(0).max(5).default(1),
  /** The time zone of the export. The files do not contain it. */
  zone: z.string().default('Asia/Manila'),
  /** A byte order mark, as after saving in Excel. */
  bom: z.boolean().default(false),
  crlf: z.boolean().default(false),
  shuffleColumns: z.boolean().default(false),
  /** Titles of additional columns, which no plan maps. */
  extraColumns: z.array(z.string()).default([]),
  /** Titles of columns that the export lacks, for example `unique id`. */
  omitColumns: z.array(z.string()).default([]),
});

export type CsvExportOptions = z.input<typeof csvExportOptionsSchema>;
type CsvExportConfig = z.output<typeof csvExportOptionsSchema>;

interface Column {
  readonly title: string;
  readonly read: (row: Row) => unknown;
}

/** The address that the user signs in with; without one, the custom field. */
function signInEmailOf(user: Row): unknown {
  const signIn = ['email', 'Google', 'LinkedIn'].map((service) => readField(user, `authentication.${service}.email`));
  return signIn.find((address) => address !== undefined) ?? user.email;
}

/**
 * The columns of a type's export: custom fields first, then the system fields, under the export's own titles.
 * `creator` returns the text of the creator column for a `Created By`.
 */
function columnsOf(type: BubbleType, creator: (id: unknown) => string): Column[] {
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

/** Formats values as Bubble's CSV export does, with dates in the time zone of the export. */
function cellWriter(zone: string): (value: unknown) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    hour12: true,
  });
  const write = (value: unknown): string => {
    if (value === undefined || value === null) return '';
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (Array.isArray(value)) return value.map(write).join(' , ');
    if (typeof value === 'string') return isIsoDate(value) ? localDate(value, format) : value;
    return String(value);
  };
  return write;
}

/** A cell in quotes. Formulas are not escaped, on purpose: Bubble's export does not escape them either. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Whether text is a valid date in the API's format. An impossible date (the thirtieth of February) stays text. */
function isIsoDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString() === text;
}

/** `Jan 5, 2024 3:04 pm`: to the minute, without the zone. */
function localDate(iso: string, format: Intl.DateTimeFormat): string {
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(new Date(iso))) part[type] = value;
  const period = part.dayPeriod?.toLowerCase() ?? '';
  return `${part.month} ${part.day}, ${part.year} ${part.hour}:${part.minute} ${period}`;
}
