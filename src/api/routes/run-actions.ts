import type { Control, RunView } from '../../engine/control/contract.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import { idempotencyHeader, optionalReasonBody, reasonBody, responses, runParams } from '../schemas/common.ts';
import { runSchema } from '../schemas/run.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

/** Stopping, going on and trying again. Pause and cancel are requests: the answer shows `pausing`, `cancelling`. */
export function runActionRoutes(app: Api, { control, runs }: Pick<ApiDeps, 'control'> & { runs: RunReader }): void {
  const act = async (work: Promise<RunView>): Promise<RunView> => {
    const run = await work;
    runs.invalidate(run.id);
    return run;
  };

  for (const { name, summary } of actionsWithReason) {
    app.post(`/runs/:id/${name}`, { config: { access: 'operator' }, schema: actionSchema(name, summary) }, (request) =>
      act(control[name](request.params.id, request.body.reason, actorOf(request))),
    );
  }

  app.post('/runs/:id/retry', { config: { access: 'operator' }, schema: retrySchema }, (request) =>
    act(control.retry(request.params.id, request.body?.reason ?? '', actorOf(request))),
  );
}

type Action = Extract<keyof Control, 'pause' | 'resume' | 'cancel' | 'reconcile'>;

const actionsWithReason: readonly { readonly name: Action; readonly summary: string }[] = [
  { name: 'pause', summary: 'Pause: what is in the hands of workers is finished, nothing new is begun' },
  { name: 'resume', summary: 'Go on with a paused run' },
  { name: 'cancel', summary: 'Cancel for good; what was loaded stays until it is rolled back' },
  {
    name: 'reconcile',
    summary: 'Compare every record that a finished run says is in the target with it again, field by field',
  },
];

const actionRoute = {
  tags: ['runs'],
  headers: idempotencyHeader,
  params: runParams,
  response: responses({ 200: runSchema }),
};

const actionSchema = (name: Action, summary: string) => ({
  ...actionRoute,
  operationId: `${name}Run`,
  summary,
  body: reasonBody,
});

const retrySchema = {
  ...actionRoute,
  operationId: 'retryRun',
  summary:
    'Read what was rejected or failed from the source again, rewrite what is mismatched, go on reading where an extraction failed',
  body: optionalReasonBody,
};
