import { Readable } from 'node:stream';
import { z } from 'zod';
import { canSeePersonalData, type ReadsFor } from '../auth/access.ts';
import { HttpProblem } from '../problems.ts';
import { reportSchema } from '../run-view.ts';
import type { Api, ApiDeps } from '../types.ts';
import { idSchema, responses, runParams } from './common.ts';

const tags = ['reports'];

// Everything else (exports, mappings, the SQL that restores rows) holds whole records of people.
const viewerReports = /^migration_(summary|report|errors)_|\.log$/;

/** The files a run leaves behind. */
export function reportRoutes(app: Api, { control, readsFor }: Pick<ApiDeps, 'control'> & { readsFor: ReadsFor }): void {
  app.get('/runs/:id/reports', { config: { access: 'viewer' }, schema: listSchema }, async ({ params }) => ({
    items: await control.reports(params.id),
  }));

  // HEAD would make the whole export only to drop it.
  const getOptions = { config: { access: 'viewer' }, exposeHeadRoute: false, schema: getSchema } as const;
  app.get('/runs/:id/reports/:name', getOptions, async (request, reply) => {
    const { id, name } = request.params;
    if (!viewerReports.test(name) && !canSeePersonalData(request.actor)) throw reportForbidden(name);
    const { mediaType, body } = await readsFor(request).report(id, name);
    return reply
      .type(mediaType)
      .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
      .send(typeof body === 'string' ? body : Readable.from(body));
  });
}

function reportForbidden(name: string): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'FORBIDDEN',
    detail: `${name} holds whole records, which the role viewer may not read.`,
    remedy: 'Use a key with the role operator.',
  });
}

const listSchema = {
  tags,
  operationId: 'listReports',
  summary: 'Reports of a run',
  params: runParams,
  response: responses({ 200: z.object({ items: z.array(reportSchema).readonly() }) }),
};

const getSchema = {
  tags,
  operationId: 'getReport',
  summary: 'One report; viewers get it without personal data, and no exports of whole records',
  params: runParams.extend({ name: idSchema }),
  response: responses({ 200: { description: 'The file', content: { 'text/plain': { schema: z.any() } } } }),
};
