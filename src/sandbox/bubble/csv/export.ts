import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../core/random.ts';
import { generate } from '../data/generate.ts';
import type { Manifest } from '../data/manifest.ts';
import { APP_ADMIN } from '../data/user-draft.ts';
import type { Row } from '../row.ts';
import { BUBBLE_TYPES, type BubbleType } from '../schema.ts';
import { cellWriter, quoted } from './cell.ts';
import { type Column, columnsOf, signInEmailOf } from './columns.ts';
import { type CsvExportConfig, type CsvExportOptions, csvExportOptionsSchema } from './options.ts';

export interface CsvExport {
  readonly files: Readonly<Record<BubbleType, string>>;
  /** The verdicts hold for the files as well; only seconds and milliseconds are lost. */
  readonly manifest: Manifest;
}

const FILE_NAMES: Readonly<Record<BubbleType, string>> = {
  user: 'users.csv',
  clientprofile: 'client_profiles.csv',
  coachprofile: 'coach_profiles.csv',
  booking: 'bookings.csv',
  payment: 'payments.csv',
};

/** Writes the data that a sandbox with the same seed and size serves, in the format of Bubble's own CSV export. */
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

/** Whom the export names as creator: the address of a user who is still there, or the makers of the application. */
function creatorNames(users: readonly Row[]): (id: unknown) => string {
  const addresses = new Map(users.map((user) => [user._id, String(signInEmailOf(user) ?? '')]));
  return (id) => (id === APP_ADMIN ? '(App admin)' : (addresses.get(String(id)) ?? ''));
}
