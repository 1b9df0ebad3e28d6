import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, responses } from '../schemas/common.ts';
import { personParams, personSchema, purgeBody, purgeSchema } from '../schemas/retention.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

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
