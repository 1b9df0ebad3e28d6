import { z } from 'zod';
import type { PersonView, PurgeView } from '../../contract/retention.ts';
import { actorOf } from '../auth/access.ts';
import type { RunReader } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import { idempotencyHeader, idSchema, reasonSchema, responses } from './common.ts';

const text = z.string();
const count = z.int().min(0);
const json = z.record(text, z.unknown()).readonly();

const purgeBody = z
  .strictObject({
    runId: idSchema.optional(),
    olderThan: text
      .regex(/^\d{1,5}[hdw]$/, { error: 'write an age as 12h, 30d or 8w' })
      .optional()
      .describe('Every run that ended longer ago than this'),
    dryRun: z.boolean().optional(),
    reason: reasonSchema,
  })
  .refine((body) => (body.runId === undefined) !== (body.olderThan === undefined), {
    error: 'give runId or olderThan, one of the two',
  });

const purgeSchema = z
  .object({
    dryRun: z.boolean(),
    complete: z.boolean().describe('False when time was up: ask again, it goes on where it stands'),
    runs: z
      .array(
        z.object({
          runId: text,
          plan: text,
          finishedAt: text.nullable(),
          raw: count.describe('Raw payloads deleted, or that would be'),
          clean: count,
        }),
      )
      .readonly(),
  })
  .meta({ id: 'Purge' }) satisfies z.ZodType<PurgeView>;

const recordSchema = z.object({
  ...{ runId: text, plan: text, targetSchema: text, entity: text, sourceId: text, status: text },
  ...{ message: text.nullable(), targetId: text.nullable(), updatedAt: text },
  ...{ raw: json.nullable(), clean: json.nullable() },
});

const personSchema = z
  .object({
    email: text,
    at: text,
    records: z
      .array(recordSchema)
      .readonly()
      .describe('Records of the ledger that hold the address, and their children'),
    rows: z
      .array(z.object({ table: text, id: text, row: json }))
      .readonly()
      .describe('Rows of the target that do, and theirs'),
    befores: z
      .array(z.object({ runId: text, table: text, id: text, before: json }))
      .readonly()
      .describe('What stood in those rows before a run wrote to them'),
  })
  .meta({ id: 'Person' }) satisfies z.ZodType<
  Omit<PersonView, 'records' | 'rows' | 'befores'> & Record<'records' | 'rows' | 'befores', readonly unknown[]>
>;

const personParams = z.strictObject({ email: z.string().min(3).max(300) });

const tags = ['retention'];

/** Letting go of personal data, and telling a person what is held. */
export function retentionRoutes(app: Api, { control, runs }: Pick<ApiDeps, 'control'> & { runs: RunReader }): void {
  app.post('/purge', { config: { access: 'admin' }, schema: purgeRouteSchema }, async (request) => {
    const { dryRun = false, ...rest } = request.body;
    const done = await control.purge({ ...rest, dryRun }, actorOf(request));
    for (const { runId } of done.runs) runs.invalidate(runId);
    return done;
  });

  // HEAD would search for everything only to drop it.
  const personOptions = { config: { access: 'admin' }, exposeHeadRoute: false, schema: personRouteSchema } as const;
  app.get('/persons/:email', personOptions, (request) => control.person(request.params.email, actorOf(request)));
}

const purgeRouteSchema = {
  tags,
  operationId: 'purgePayloads',
  summary: 'Delete raw and clean payloads of finished runs; hashes, outcomes and counts stay',
  headers: idempotencyHeader,
  body: purgeBody,
  response: responses({ 200: purgeSchema }),
};

const personRouteSchema = {
  tags,
  operationId: 'exportPerson',
  summary: 'Everything held about one person by e-mail address, across ledger and targets; audited',
  params: personParams,
  response: responses({ 200: personSchema }),
};
