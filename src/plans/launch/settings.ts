import { z } from 'zod';

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
