import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { responses } from '../schemas/common.ts';
import { workerSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';

/** Worker processes by their heartbeats. */
export function workerRoutes(app: Api, { workers }: Pick<ApiDeps, 'workers'>): void {
  app.get('/workers', { config: { access: 'viewer' }, schema: listWorkersSchema }, async () => {
    const rows = await workers.list();
    return {
      items: rows.map((row) => ({
        ...row,
        startedAt: row.startedAt.toISOString(),
        seenAt: row.seenAt.toISOString(),
      })),
    };
  });
}

const listWorkersSchema = {
  tags: ['workers'],
  operationId: 'listWorkers',
  summary: 'Worker processes, what they serve and how they are',
  response: responses({ 200: z.object({ items: z.array(workerSchema).readonly() }) }),
};
