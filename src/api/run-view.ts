import { z } from 'zod';
import type { Control } from '../contract/control.ts';
import { stages } from '../contract/record-status.ts';
import { runActions, runStatuses } from '../contract/run-status.ts';
import type { RunView } from '../contract/runs.ts';
import { batchBounds } from '../engine/stages/batch-size.ts';
import { count, idSchema, instant, pageQuery, reasonSchema } from './routes/common.ts';
import { createTtlCache } from './ttl-cache.ts';

/**
 * Runs as many clients read them at once: read from the database at most once in 200 ms, however many clients ask. During a
 * migration that read may take long, so clients get the previous view, less than a second old, while the next one loads.
 */
export interface RunReader {
  read(id: string): Promise<RunView>;
  /** The run as JSON, checked against its schema; built once for all readers of the same state. */
  toJson(run: RunView): string;
  /** Drops the cached view after a change in this process, so that the next reader sees it. */
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

const minorUnits = z.string().describe('Minor units');

export const rollbackStatusSchema = z
  .enum(['working', 'interrupted', 'done', 'failed'])
  .describe(
    'working: it continues in the service; interrupted: its process ended, and it continues when requested again',
  );

const strategySchema = z.enum(['full', 'incremental', 'selective']);
const batchSizeSchema = z
  .union([z.int().min(batchBounds.least).max(batchBounds.most), z.literal('auto')], {
    error: 'give a whole number from 1 to 500, or auto',
  })
  .describe('Records per job; auto: as many as take about two seconds');

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
    sourceTotal: count.nullable().describe('Number of records the source reports; null when it does not report one'),
    repeated: count.describe('Records the source returned more than once'),
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
            'Settled records; orphans and blocked ones are excluded, because their parents may not be in the trial',
          ),
          unjudged: count.describe('Records whose references may only be missing because the trial left them out'),
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
    until: instant.nullable().describe('When it ends without intervention, where that is known'),
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
    exportOnly: z.boolean().describe('Extract only: nothing is transformed or loaded'),
    status: z.enum(runStatuses),
    reason: z.string().nullable(),
    targetSchema: z.string(),
    batchSize: batchSizeSchema,
    batchSizes: z.record(z.enum(stages), z.int()).readonly().describe('Current records per job, by stage'),
    createdBy: z.string(),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
    rolledBackAt: instant.nullable(),
    rollback: rollbackStateSchema
      .nullable()
      .describe('State of the rollback of a run that wrote to an API; null while none was requested'),
    stamp: z.string().describe('YYYYMMDD_HHMMSS of its start; in the names of its reports'),
    progress: z.object({ percent: z.number(), perSecond: z.number(), etaSeconds: z.number().nullable() }),
    entities: z.record(z.string(), entitySchema).readonly(),
    balanced: z.boolean(),
    sums: z.array(sumSchema).readonly(),
    trial: trialSchema.nullable().describe('What a trial predicts; null when the run is not a trial'),
    derived: z
      .array(z.string())
      .readonly()
      .describe(
        'In a trial or a dry run: entities derived from rows in the target, which such a run sees only in part',
      ),
    holdups: z.array(blockerSchema).readonly().describe('Why it is slow or stopped, and what clears it'),
    nextActions: z.array(z.enum(runActions)).readonly().describe('Actions the run accepts now'),
  })
  .meta({ id: 'Run' }) satisfies z.ZodType<RunView>;

const instantOrDate = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'give an ISO 8601 instant or a date' })
  .describe('ISO 8601 instant, or a date for its beginning in UTC');

export const startRunBody = z.strictObject({
  plan: idSchema,
  strategy: strategySchema.optional(),
  dryRun: z.boolean().optional().describe('Everything except writing'),
  trial: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Try this many records of each entity in a separate schema; the target stays unchanged'),
  ids: z.array(idSchema).min(1).max(100_000).optional().describe('Source ids; implies the selective strategy'),
  since: instantOrDate.optional(),
  until: instantOrDate.optional(),
  skipExisting: z.boolean().optional(),
  batchSize: batchSizeSchema.optional(),
  only: z.array(idSchema).min(1).max(100).optional().describe('Entities or steps of the plan; all when absent'),
  maxFailurePercent: z
    .int({ error: 'give a whole number from 0 to 100' })
    .min(0)
    .max(100)
    .optional()
    .describe('Percentage of failures at which the run is stopped'),
  exportOnly: z.boolean().optional().describe('Extract and stop'),
  targetSchema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, { error: 'give a lower-case PostgreSQL name of at most 63 characters' })
    .optional(),
  params: z
    .record(z.string(), z.unknown())
    .refine((params) => !JSON.stringify(params).includes('\\u0000'), { error: 'no zero bytes' })
    .optional()
    .describe("The plan's own parameters"),
});

export const runsQuery = z.strictObject({
  plan: idSchema.optional(),
  status: z.enum(runStatuses).optional(),
  ...pageQuery,
});

export const changeRunBody = z.strictObject({ batchSize: batchSizeSchema, reason: reasonSchema });
