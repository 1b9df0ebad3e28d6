import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { emailKey } from '../../email.ts';
import { DroverError } from '../../errors.ts';
import type { Scope, Source, SourceContext, SourceRecord } from '../../plan/contract.ts';
import { csvFolder } from '../../sources/csv/folder.ts';
import { type ColumnNames, type CsvSourceOptions, createCsvSource } from '../../sources/csv/source.ts';
import { createSystemeioSource, systemeioAccount } from '../../sources/systemeio/source.ts';
import { type XenditList, xenditAccount } from '../../sources/xendit/api.ts';
import { createXenditSource } from '../../sources/xendit/source.ts';
import { parseParams, readsFiles } from './params.ts';
import { instantOf } from './values.ts';

const required = (...names: string[]): ColumnNames => ({ names, required: true });
const optional = (name: string): ColumnNames => ({ names: [name], required: false });

// What is read of the legacy exports. A file without one that decides about money, person or quarter is refused.
const xenditColumns: readonly ColumnNames[] = [
  ...['Invoice ID', 'External ID', 'Reference', 'Transaction ID', 'Type', 'Settlement Status', 'Product ID'].map(
    optional,
  ),
  ...[required('Status'), required('Amount'), required('Currency'), required('Email', 'Customer Email')],
  ...[required('Description'), required('Timezone')],
  ...[required('Created Timestamp', 'Timestamp - Created'), required('Paid Timestamp', 'Payment Date')],
  ...['Timestamp - Updated', 'Settled Timestamp', 'Customer Name', 'Bank Name', 'Channel Name', 'Payment Method'].map(
    optional,
  ),
];
const systemeioColumns: readonly ColumnNames[] = [
  ...[required('Email'), required('Tag'), required('Date Registered')],
  ...[required('First name'), required('Last name')],
];

/** Transactions, or invoices. The legacy export has invoices only, so from files there are no transactions. */
export function xenditSource(list: XenditList): (context: SourceContext) => Source {
  return (context) => {
    if (!readsFiles(parseParams(context.params)))
      return createXenditSource({ upstream: xenditUpstream(context), list });
    return list === 'transactions'
      ? emptySource
      : createCsvSource({
          ...csvFileOptions(context, 'xendit.csv', ['Invoice ID', 'External ID']),
          columns: xenditColumns,
        });
  };
}

/** Contacts. */
export function contactSource(context: SourceContext): Source {
  if (readsFiles(parseParams(context.params)))
    return createContactFileSource({
      ...csvFileOptions(context, 'systemeio.csv', ['Email']),
      columns: systemeioColumns,
    });
  const { SYSTEMEIO_API_URL: url, SYSTEMEIO_API_KEY: key, SYSTEMEIO_MAX_RPS: rps } = context.settings;
  if (!key?.trim()) throw missingSetting('SYSTEMEIO_API_KEY');
  return createSystemeioSource({
    upstream: context.upstreams(
      systemeioAccount(url?.trim() || 'https://api.systeme.io', key, parseRate('SYSTEMEIO_MAX_RPS', rps)),
    ),
  });
}

function xenditUpstream({ settings, upstreams }: SourceContext) {
  const { XENDIT_API_URL: url, XENDIT_SECRET_KEY: key, XENDIT_MAX_RPS: rps } = settings;
  if (!key?.trim()) throw missingSetting('XENDIT_SECRET_KEY');
  return upstreams(xenditAccount(url?.trim() || 'https://api.xendit.co', key, parseRate('XENDIT_MAX_RPS', rps)));
}

const emptySource: Source = { read: async () => ({ records: [], cursor: null }), count: async () => 0 };

/**
 * The export of contacts has no ids, and one address may stand on several lines. A contact is known by address and day of
 * registration, hashed: source ids go where addresses must not.
 */
function createContactFileSource(options: CsvSourceOptions): Source {
  const file = createCsvSource(options);
  const named = ({ raw }: SourceRecord): SourceRecord => {
    const key = [emailKey(raw.Email) ?? raw.Email ?? '', instantOf(raw['Date Registered']) ?? ''];
    return { sourceId: `csv-${createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24)}`, raw };
  };
  return {
    ...file,
    async read(cursor, { ids, ...scope }: Scope, signal) {
      const page = await file.read(cursor, scope, signal);
      const records = page.records.map(named);
      return {
        ...page,
        records: ids === undefined ? records : records.filter(({ sourceId }) => ids.includes(sourceId)),
      };
    },
  };
}

function csvFileOptions(
  { settings, params }: SourceContext,
  name: string,
  idColumns: readonly string[],
): CsvSourceOptions {
  const folder = csvFolder(settings, parseParams(params).exportDir);
  return { path: join(folder, name), idColumns };
}

function parseRate(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const number = Number(text);
  if (number > 0) return number;
  throw new DroverError('CONFIGURATION', `${name} is not a number above 0`);
}

function missingSetting(name: string): DroverError {
  return new DroverError('CONFIGURATION', `${name} is not set, and the run reads from the API`, {
    remedy: 'Set it for the workers, or start from the legacy CSV files with --skip-export.',
  });
}
