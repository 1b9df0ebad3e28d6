import { IANAZone } from 'luxon';
import { z } from 'zod';

/** The parameters of a run of this plan. */
export const paramsSchema = z
  .strictObject({
    source: z
      .enum(['api', 'csv'])
      .exactOptional()
      .describe('Where records are read: the APIs (default) or the legacy CSV files.'),
    skipExport: z.boolean().exactOptional().describe('Start from existing CSV files; the same as source csv.'),
    exportDir: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'Folder of xendit.csv and systemeio.csv, inside of MIGRATION_EXPORT_DIR. Default: MIGRATION_EXPORT_DIR, or ./migration_data.',
      ),
    fiscalYearStart: z
      .int()
      .min(1)
      .max(12)
      .exactOptional()
      .describe('The month the fiscal year begins with. Default: 1.'),
    timeZone: z
      .string()
      .refine((name) => IANAZone.isValidZone(name), 'is no IANA time zone (such as Asia/Manila)')
      .exactOptional()
      .describe('Zone in which a day, and so a quarter, begins. Default: Asia/Manila.'),
    authUsers: z
      .string()
      .regex(/^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/, 'is no table such as auth.users')
      .exactOptional()
      .describe(
        'Existing accounts in the target database, whose ids are kept. Default: auth.users, where there is one.',
      ),
  })
  .refine(({ source, skipExport }) => !(source === 'api' && skipExport === true), {
    path: ['skipExport'],
    message: 'means CSV files, but source says api',
  });

export type LaunchParams = z.output<typeof paramsSchema>;

/** The parameters of a run, which were checked when it was started. */
export function parseParams(params: unknown): LaunchParams {
  const parsed = paramsSchema.safeParse(params);
  return parsed.success ? parsed.data : {};
}

export function readsFiles({ source, skipExport }: LaunchParams): boolean {
  return source === 'csv' || skipExport === true;
}

/** Environment variables of the plan. What a run does not use may be absent. */
export const settingsSchema = z.object({
  XENDIT_API_URL: z.string().optional().describe('Default: https://api.xendit.co'),
  XENDIT_SECRET_KEY: z
    .string()
    .optional()
    .describe('A secret key of the account that may read transactions and invoices.'),
  XENDIT_MAX_RPS: z.string().optional().describe('Requests a second. Default: 10 for a live key, 1 for a test key.'),
  SYSTEMEIO_API_URL: z.string().optional().describe('Default: https://api.systeme.io'),
  SYSTEMEIO_API_KEY: z.string().optional().describe('A public API key, from Settings > Public API keys.'),
  SYSTEMEIO_MAX_RPS: z.string().optional().describe('Requests a second. Default: 1.'),
  LAUNCH_CATALOGUE: z.string().optional().describe('The product catalogue as JSON. Default: the built-in one.'),
  MIGRATION_EXPORT_DIR: z.string().optional().describe('Folder of the legacy CSV files. Default: ./migration_data'),
});
