import type { Api, ApiDeps } from '../types.ts';
import { decodeCursor, numericCursor, pageOf, responses, toPage } from './common.ts';
import { auditQuery, auditSchema, auditVerdictSchema } from './keys.ts';

const tags = ['audit'];

/** Who did what, and why. */
export function auditRoutes(app: Api, { audit }: Pick<ApiDeps, 'audit'>): void {
  app.get('/audit', { config: { access: 'operator' }, schema: listSchema }, async ({ query }) => {
    const { cursor, limit = 50, ...filter } = query;
    const rows = await audit.list({ ...filter, before: idOf(cursor), limit: limit + 1 });
    return toPage(
      rows,
      limit,
      (row) => ({ ...row, at: row.at.toISOString() }),
      (row) => String(row.id),
    );
  });

  app.get('/audit/verification', { config: { access: 'operator' }, schema: verifySchema }, () => audit.verify());
}

function idOf(cursor: string | undefined): number | undefined {
  const name = decodeCursor(cursor, numericCursor);
  return name === undefined ? undefined : Number(name);
}

const listSchema = {
  tags,
  operationId: 'listAudit',
  summary: 'The audit log, the newest first',
  querystring: auditQuery,
  response: responses({ 200: pageOf(auditSchema) }),
};

const verifySchema = {
  tags,
  operationId: 'verifyAudit',
  summary: 'Check that no row of the audit log was changed or removed',
  response: responses({ 200: auditVerdictSchema }),
};
