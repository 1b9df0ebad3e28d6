import { z } from 'zod';
import type { Control } from '../contract/control.ts';
import { stages } from '../contract/record-status.ts';
import { runActions, runStatuses } from '../contract/run-status.ts';
import type { ReportEntry, RollbackView, RunView, ValidationView } from '../contract/runs.ts';
import { batchBounds } from '../engine/stages/batch-size.ts';
import { idSchema, pageQuery, reasonSchema } from './routes/common.ts';
import { createTtlCache } from './ttl-cache.ts';

/**
 * Runs as many clients read them at once: looked at once in 200 ms, however many ask, and beside a migration that takes a
 * database a while. So nobody waits for it: until the next one is there the last one is given, never a second old.
 */
export interface RunReader {
  read(id: string): Promise<RunView>;
  /** The run as JSON, checked against its schema. Made once for all who read the same state. */
  toJson(run: RunView): string;
  /** The run was changed here, so the next reader must see it. */
  invalidate(id: string): void;
}

const ttlMs = 200;
const staleMs = 900;

export function createRunReader(control: Pick<Control, 'run'>): RunReader {
  const cached = createTtlCache({ ttlMs, staleMs }, (id) => control.run(id));
  const texts = new WeakMap<RunView, string>();
  return {
    read: cached.get,
    invalidate: cached.invalidate,
    toJson(run) {
      const text = texts.get(run) ?? JSON.stringify(z.encode(runSchema, run));
      texts.set(run, text);
      return text;
    },
  };
}

const text = z.string();
const countSchema = z.int().min(0);

const checkSchema = z
  .object({
    name: text,
    entity: text.nullable(),
    severity: z.enum(['error', 'warning']),
    ok: z.boolean(),
    description: text,
    checked: countSchema,
    violations: countSchema,
    rows: z
      .array(z.object({ sourceId: text, targetId: text.nullable(), detail: text }))
      .readonly()
      .describe('Every row that breaks the rule'),
  })
  .meta({ id: 'ValidationCheck' });

export const validationSchema = z
  .object({
    runId: text,
    at: text,
    dataVersion: text,
    stale: z.boolean().describe('The target changed after the validation looked at it'),
    status: z.enum(['green', 'red']),
    checks: z.array(checkSchema).readonly(),
  })
  .meta({ id: 'Validation' }) satisfies z.ZodType<ValidationView>;

const rollbackStatusSchema = z
  .enum(['working', 'interrupted', 'done', 'failed'])
  .describe('working: it goes on in the service; interrupted: its process ended, and it goes on when asked for again');

export const rollbackSchema = z
  .object({
    runId: text,
    dryRun: z.boolean(),
    status: rollbackStatusSchema,
    done: countSchema.describe('What was gone through, of what there is to undo'),
    total: countSchema,
    removed: countSchema,
    restored: countSchema,
    conflicts: z
      .array(z.object({ entity: text, targetId: text, detail: text }))
      .readonly()
      .describe('Rows and objects that were not undone, each with its cause'),
    error: text.nullable().describe('Why it failed'),
  })
  .meta({ id: 'Rollback' }) satisfies z.ZodType<RollbackView>;

export const reportSchema = z
  .object({ name: text, mediaType: text, bytes: countSchema })
  .meta({ id: 'Report' }) satisfies z.ZodType<ReportEntry>;

const count = z.int().min(0);
const instant = z.string().describe('ISO 8601, UTC');
const minorUnits = z.string().describe('Minor units');
export const strategySchema = z.enum(['full', 'incremental', 'selective']);
export const batchSizeSchema = z
  .union([z.int().min(batchBounds.least).max(batchBounds.most), z.literal('auto')], {
    error: 'give a whole number from 1 to 500, or auto',
  })
  .describe('Records a job; auto: as many as are done in about two seconds');

const entitySchema = z
  .object({
    extracted: count,
    reconciled: count,
    skipped: count,
    rejected: count,
    failed: count,
    blocked: count,
    mismatched: count,
    pending: count,
    sourceTotal: count.nullable().describe('What the source says it holds; null when it does not say'),
    repeated: count.describe('Records the source gave more than once'),
    extraction: z.enum(['reading', 'done', 'failed']),
    waiting: z.record(z.enum(stages), count).readonly().describe('Pending records by the stage they wait for'),
  })
  .meta({ id: 'EntityProgress' });

const sumSchema = z
  .object({
    entity: z.string(),
    currency: z.string(),
    status: z.string(),
    source: minorUnits,
    target: minorUnits,
    unloaded: minorUnits.describe('source = target + unloaded'),
  })
  .meta({ id: 'SumLine' });

const share = z.number().min(0).max(1);

const trialSchema = z
  .object({
    n: z.int().describe('Records of each entity that were asked for'),
    perEntity: z
      .record(
        z.string(),
        z.object({
          judged: count.describe(
            'Settled records; orphans and blocked ones say nothing, their parents may not be tried',
          ),
          unjudged: count.describe('Records that lack others, which the trial may only have left out'),
          rejectRate: share,
          low: share.describe('The 95 % interval of the share a real run rejects'),
          high: share,
        }),
      )
      .readonly(),
  })
  .meta({ id: 'Trial' });

const blockerSchema = z
  .object({
    code: z.string().describe('Stable; programs decide by this'),
    what: z.string(),
    clears: z.string(),
    until: instant.nullable().describe('When it ends by itself, where that is known'),
  })
  .meta({ id: 'Holdup' });

const rollbackStateSchema = z
  .object({ status: rollbackStatusSchema, done: count, total: count, error: z.string().nullable() })
  .meta({ id: 'RollbackState' });

export const runSchema = z
  .object({
    id: z.string(),
    plan: z.string(),
    version: z.string(),
    strategy: strategySchema,
    dryRun: z.boolean(),
    exportOnly: z.boolean().describe('It only reads: nothing is transformed or loaded'),
    status: z.enum(runStatuses),
    reason: z.string().nullable(),
    targetSchema: z.string(),
    batchSize: batchSizeSchema,
    batchSizes: z.record(z.enum(stages), z.int()).readonly().describe('Records a job of each stage carries now'),
    createdBy: z.string(),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    rolledBackAt: instant.nullable(),
    rollback: rollbackStateSchema
      .nullable()
      .describe('Where the rollback of a run that wrote to an API stands; null while nobody has asked for it'),
    stamp: z.string().describe('YYYYMMDD_HHMMSS of its start; in the names of its reports'),
    progress: z.object({ percent: z.number(), perSecond: z.number(), etaSeconds: z.number().nullable() }),
    entities: z.record(z.string(), entitySchema).readonly(),
    balanced: z.boolean(),
    sums: z.array(sumSchema).readonly(),
    trial: trialSchema.nullable().describe('What a trial predicts; null of a run that is none'),
    derived: z
      .array(z.string())
      .readonly()
      .describe('Of a trial or a dry run: entities made of rows in the target, which such a run sees only in part'),
    holdups: z.array(blockerSchema).readonly().describe('Why it is slow or stands still, and what clears it'),
    nextActions: z.array(z.enum(runActions)).readonly().describe('What may be asked of the run now'),
  })
  .meta({ id: 'Run' }) satisfies z.ZodType<RunView>;

const instantOrDate = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'give an ISO 8601 instant or a date' })
  .describe('ISO 8601 instant, or a date for its beginning in UTC');

export const startRunBody = z.strictObject({
  plan: idSchema,
  strategy: strategySchema.optional(),
  dryRun: z.boolean().optional().describe('Everything but the writing'),
  trial: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Try so many records of each entity in a schema of their own; the target stays untouched'),
  ids: z.array(idSchema).min(1).max(100_000).optional().describe('Source ids; implies the selective strategy'),
  since: instantOrDate.optional(),
  until: instantOrDate.optional(),
  skipExisting: z.boolean().optional(),
  batchSize: batchSizeSchema.optional(),
  only: z.array(idSchema).min(1).max(100).optional().describe('Entities or steps of the plan; all when absent'),
  maxFailurePercent: z.number().min(0).max(100).optional().describe('Failures at which the run is stopped'),
  exportOnly: z.boolean().optional().describe('Extract and stop'),
  targetSchema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, { error: 'give a lower-case PostgreSQL name of at most 63 characters' })
    .optional(),
  params: z.record(z.string(), z.unknown()).optional().describe("The plan's own parameters"),
});

export const runsQuery = z.strictObject({
  plan: idSchema.optional(),
  status: z.enum(runStatuses).optional(),
  ...pageQuery,
});

export const changeRunBody = z.strictObject({ batchSize: batchSizeSchema, reason: reasonSchema });
