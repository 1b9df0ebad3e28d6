import { z } from 'zod';

/** Environment variables of the plan. What one source does not need may be absent; it is asked for when it is used. */
export const settingsSchema = z.object({
  BUBBLE_API_URL: z
    .string()
    .optional()
    .describe("The application's Data API, for example https://app.bubbleapps.io/api/1.1"),
  BUBBLE_API_KEY: z.string().optional().describe('An API token of the application; an admin token sees every record.'),
  MIGRATION_EXPORT_DIR: z.string().optional().describe('Folder of the CSV files. Default: ./migration_data'),
});
