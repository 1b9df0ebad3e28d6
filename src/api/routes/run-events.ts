import { z } from 'zod';
import { canSeePersonalData } from '../auth/reads.ts';
import type { RunEvents } from '../runs/run-events.ts';
import { responses, runParams } from '../schemas/common.ts';
import type { Api } from '../types.ts';

export interface RunEventDeps {
  readonly events: RunEvents;
  /** The same for who may not see personal data. */
  readonly maskedEvents: RunEvents;
}

/** A run as it goes, pushed to whoever listens. */
export function runEventRoutes(app: Api, { events, maskedEvents }: RunEventDeps): void {
  // A HEAD request would hold a stream open for nothing.
  const options = { config: { access: 'viewer' }, exposeHeadRoute: false, schema: followSchema } as const;
  app.get('/runs/:id/events', options, async (request, reply) => {
    const stream = await (canSeePersonalData(request.actor) ? events : maskedEvents).follow(request.params.id);
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        // nginx would hold events back until its buffer is full.
        .header('x-accel-buffering', 'no')
        .send(stream)
    );
  });
  app.addHook('preClose', async () => {
    events.close();
    maskedEvents.close();
  });
}

const followSchema = {
  tags: ['runs'],
  operationId: 'followRun',
  summary: 'The run as server-sent events',
  description: 'An event `run` with the run whenever it changed, at most two a second; ends after the run finished.',
  params: runParams,
  response: responses({
    200: { description: 'Server-sent events', content: { 'text/event-stream': { schema: z.any() } } },
  }),
};
