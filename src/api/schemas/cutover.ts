import { z } from 'zod';
import {
  type CutoverEntry,
  type CutoverForecast,
  type CutoverView,
  conflictsShown,
  cutoverActions,
  cutoverStatuses,
} from '../../engine/cutover/contract.ts';
import { idSchema, reasonSchema } from './common.ts';

const text = z.string();
const count = z.int().min(0);
// PostgreSQL's names: at most 63 bytes, of which a letter may be several.
const identifierSchema = z.string().min(1).max(63);
const qualifiedNameSchema = z.object({ schema: text, name: text });
const kindSchema = z.enum(['cutover', 'rollback']);

const exchangeSchema = z
  .object({
    incoming: qualifiedNameSchema.describe('What is to stand there'),
    live: qualifiedNameSchema.describe('The name the applications use'),
    displaced: qualifiedNameSchema.describe('Where what stood there is put'),
  })
  .meta({ id: 'Exchange' });

const planSchema = z
  .object({
    name: text,
    stamp: text,
    tables: z.array(exchangeSchema).readonly(),
    problems: z.array(text).readonly().describe('Why it cannot be done; empty: it can'),
    warnings: z.array(text).readonly(),
    items: z
      .array(z.object({ kind: text, object: text, action: text }))
      .readonly()
      .describe('Every object of the catalog that is touched, and what becomes of it'),
    steps: z
      .array(
        z.object({
          phase: z.enum(['prepare', 'staged', 'lock', 'swap', 'after']),
          object: text,
          action: text,
          sql: text,
        }),
      )
      .readonly(),
    locks: z.array(qualifiedNameSchema).readonly().describe('Every table that is locked, incoming ones too'),
    differences: z
      .array(z.object({ key: text, why: text }))
      .readonly()
      .describe('What the catalog will say otherwise afterwards, and is meant to'),
    sql: text.describe('The exact SQL, phase by phase'),
  })
  .meta({ id: 'CutoverPlan' });

export const forecastSchema = z
  .object({
    dryRun: z.literal(true),
    kind: kindSchema,
    plan: planSchema,
    carried: count.describe('Of a rollback: changes written since that would be carried back'),
  })
  .meta({ id: 'CutoverForecast' }) satisfies z.ZodType<CutoverForecast>;

export const conflictSchema = z.object({ table: text, key: text, detail: text }).meta({ id: 'CutoverConflict' });

const entryFields = z.object({
  ...{ stamp: text, plan: text, kind: kindSchema, status: z.enum(cutoverStatuses) },
  ofStamp: text.nullable().describe('Of a rollback: the stamp it went back to'),
  tables: z.array(exchangeSchema).readonly(),
  ...{ reason: text, actor: text, createdAt: text, swappedAt: text.nullable() },
  ageSeconds: z.number(),
  bytes: z.number().describe('Of the backup'),
  restorable: z.boolean(),
  progress: z
    .object({ phase: z.enum(['check', 'prepare', 'carry', 'swap', 'after']), done: count, total: count, step: text })
    .nullable(),
  problems: z.array(text).readonly().describe('Why it was refused or failed, or what it still lacks'),
  counts: z.array(z.object({ table: text, incoming: count, live: count })).readonly(),
  timing: z
    .object({ lockWaitMs: z.number(), lockedMs: z.number(), attempts: count })
    .nullable()
    .describe('How long the swap waited for its locks and held them'),
  unplanned: z.array(text).readonly().describe('What the catalog says otherwise than before and was not planned'),
  carried: count,
  conflictCount: count.describe('Of a rollback: changes that met something else in the restored tables'),
  nextActions: z.array(z.enum(cutoverActions)).readonly(),
});

/** As lists show it: a rollback may have met as many conflicts as rows were written. */
export const cutoverEntrySchema = entryFields.meta({ id: 'CutoverEntry' }) satisfies z.ZodType<CutoverEntry>;

export const cutoverSchema = entryFields
  .extend({
    conflicts: z
      .array(conflictSchema)
      .readonly()
      .describe(`The first ${conflictsShown} of them; /conflicts gives all in pages`),
  })
  .meta({ id: 'Cutover' }) satisfies z.ZodType<CutoverView>;

export const startCutoverBody = z.strictObject({
  plan: idSchema,
  dryRun: z.boolean().optional().describe('Only say what would be done, down to the SQL'),
  hold: z.boolean().optional().describe('Prepare everything, then wait for go'),
  reason: reasonSchema,
  stagingSchema: identifierSchema
    .optional()
    .describe("Where runs have loaded; default the plan's own, or its schema with _staging"),
  liveSchema: identifierSchema.optional().describe("Where the live tables are; default the plan's own, or its schema"),
  tables: z
    .array(
      z.strictObject({
        table: identifierSchema,
        live: z.strictObject({ schema: identifierSchema, name: identifierSchema }).optional(),
      }),
    )
    .min(1)
    .max(500)
    .optional()
    .describe('Tables of the plan; all when absent'),
  minimums: z
    .record(identifierSchema, count)
    .optional()
    .describe('Rows a table has at least, by table of the plan; default 1'),
  maxShrinkPercent: z.number().min(0).max(100).optional().describe('How many percent fewer rows than live; default 50'),
});

export const rollbackCutoverBody = z.strictObject({ reason: reasonSchema, dryRun: z.boolean().optional() });

export const stampParams = z.strictObject({
  stamp: z.string().regex(/^[0-9_]{1,40}$/, { error: 'give a stamp as `drover cutovers` shows it' }),
});
