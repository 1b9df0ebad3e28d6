import { z } from 'zod';
import { parseCurrency } from '../../money.ts';
import { fieldMapOverride } from './field-map-override.ts';
import { namedZone } from './parsers/local-zone.ts';

/** What a run of this plan may be told. */
export const paramsSchema = z
  .strictObject({
    source: z
      .enum(['api', 'csv'])
      .exactOptional()
      .describe('Where records are read: the Data API (default) or CSV files.'),
    skipExport: z.boolean().exactOptional().describe('Start from existing CSV files; the same as source csv.'),
    exportDir: z
      .string()
      .min(1)
      .exactOptional()
      .describe('Folder of the CSV files. Default: MIGRATION_EXPORT_DIR, or ./migration_data.'),
    csvTimeZone: z
      .string()
      .refine((name) => namedZone(name) !== undefined, 'is no IANA time zone (such as Asia/Manila)')
      .exactOptional()
      .describe("Zone of dates without one, as in Bubble's own CSV export. Default: found from the unique ids."),
    amountUnit: z
      .enum(['major', 'minor'])
      .exactOptional()
      .describe('Whether amounts count dollars (major, default) or cents (minor).'),
    defaultCurrency: z
      .string()
      .refine((code) => parseCurrency(code) === code, 'is no currency code of ISO 4217 (such as USD)')
      .exactOptional()
      .describe('Currency of payments that name none. Default: such payments are rejected.'),
    listSeparator: z
      .string()
      .min(1)
      .max(8)
      .exactOptional()
      .describe('What separates the items of a list held as text, besides Bubble’s " , ".'),
    activeWhenEmpty: z
      .boolean()
      .exactOptional()
      .describe('Whether a user is active whose record does not say. Default: true.'),
    fieldMap: fieldMapOverride.exactOptional(),
  })
  .refine(({ source, skipExport }) => !(source === 'api' && skipExport === true), {
    path: ['skipExport'],
    message: 'means CSV files, but source says api',
  });

export type BubbleParams = z.output<typeof paramsSchema>;
