import { Readable } from 'node:stream';
import { z } from 'zod';
import type { ReportEntry } from '../../contract/runs.ts';
import { canSeePersonalData, type ReadsFor } from '../auth/access.ts';
import { HttpProblem } from '../problems.ts';
import type { Api, ApiDeps } from '../types.ts';
import { count, idSchema, responses, runParams, text } from './common.ts';

const reportSchema = z
  .object({ name: text, mediaType: text, bytes: count })
  .meta({ id: 'Report' }) satisfies z.ZodType<ReportEntry>;

const tags = ['reports'];

// All others (exports, mappings, rollback SQL) contain whole records with personal data.
const viewerReports = /^migration_(summary|report|errors)_|\.log$/;

/** Report files of a run. */
export function reportRoutes(app: Api, { control, readsFor }: Pick<ApiDeps, 'control'> & { readsFor: ReadsFor }): void {
  app.get('/runs/:id/reports', { config: { access: 'viewer' }, schema: listSchema }, async ({ params }) => ({
    items: await control.reports(params.id),
  }));

  // HEAD would produce the whole export and discard it.
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
    detail: `${name} contains whole records, which the role viewer may not read.`,
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
