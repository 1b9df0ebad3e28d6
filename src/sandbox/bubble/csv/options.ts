import { z } from 'zod';

export const csvExportOptionsSchema = z.strictObject({
  seed: z.int().min(0).default(7),
  users: z.int().min(0).max(1_000_000).default(5000),
  dirt: z.number().min(0).max(5).default(1),
  /** Where the person sits who exports. The files do not say. */
  zone: z.string().default('Asia/Manila'),
  /** As after re-saving in Excel. */
  bom: z.boolean().default(false),
  crlf: z.boolean().default(false),
  shuffleColumns: z.boolean().default(false),
  /** Titles of columns nobody maps. */
  extraColumns: z.array(z.string()).default([]),
  /** Titles of columns the exporter left out, `unique id` for one. */
  omitColumns: z.array(z.string()).default([]),
});

export type CsvExportOptions = z.input<typeof csvExportOptionsSchema>;
export type CsvExportConfig = z.output<typeof csvExportOptionsSchema>;
