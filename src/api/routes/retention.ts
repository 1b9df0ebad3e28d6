import { z } from 'zod';
import type { PersonView, PurgeView } from '../../contract/retention.ts';
import { actorOf } from '../auth/access.ts';
import type { RunReader } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import { count, idempotencyHeader, idSchema, reasonSchema, responses, storableText, text } from './common.ts';

const json = z.record(text, z.unknown()).readonly();

const purgeBody = z
  .strictObject({
    runId: idSchema.optional(),
    olderThan: text
      .regex(/^\d{1,5}[hdw]$/, { error: 'give an age such as 12h, 30d or 8w' })
      .optional()
      .describe('Every run that ended longer ago than this'),
    dryRun: z.boolean().optional(),
    reason: reasonSchema,
  })
  .refine((body) => (body.runId === undefined) !== (body.olderThan === undefined), {
    error: 'give either runId or olderThan',
  });

const purgeSchema = z
  .object({
    dryRun: z.boolean(),
    complete: z.boolean().describe('False when the time budget was used up: repeat the request to continue'),
    runs: z
      .array(
        z.object({
          runId: text,
          plan: text,
          finishedAt: text.nullable(),
          raw: count.describe('Raw payloads that were deleted, or would be in a dry run'),
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
      .describe('Records of the ledger that contain the address, and their children'),
    rows: z
      .array(z.object({ table: text, id: text, row: json }))
      .readonly()
      .describe('Rows of the target that contain it, and their children'),
    befores: z
      .array(z.object({ runId: text, table: text, id: text, before: json }))
      .readonly()
      .describe('Content of those rows before a run changed them'),
  })
  .meta({ id: 'Person' }) satisfies z.ZodType<
  Omit<PersonView, 'records' | 'rows' | 'befores'> & Record<'records' | 'rows' | 'befores', readonly unknown[]>
>;

const personParams = z.strictObject({ email: storableText(3, 300) });

const tags = ['retention'];

/** Deleting payloads, and exporting what is stored about a person. */
export function retentionRoutes(app: Api, { control, runs }: Pick<ApiDeps, 'control'> & { runs: RunReader }): void {
  app.post('/purge', { config: { access: 'admin' }, schema: purgeRouteSchema }, async (request) => {
    const { dryRun = false, ...rest } = request.body;
    const result = await control.purge({ ...rest, dryRun }, actorOf(request));
    for (const { runId } of result.runs) runs.invalidate(runId);
    return result;
  });

  // HEAD would run the whole search and discard its result.
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
  summary: 'Everything stored about one person by e-mail address, in ledger and targets; audited',
  params: personParams,
  response: responses({ 200: personSchema }),
};
