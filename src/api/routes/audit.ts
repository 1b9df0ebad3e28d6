import { z } from 'zod';
import type { Api, ApiDeps } from '../types.ts';
import { count, decodeCursor, idSchema, numericCursor, pageOf, pageQuery, responses, text, toPage } from './common.ts';

const auditQuery = z.strictObject({ actor: idSchema.optional(), subject: idSchema.optional(), ...pageQuery });

const auditSchema = z
  .object({
    id: z.int(),
    at: text,
    actor: text,
    role: text,
    action: text,
    subject: text,
    reason: text.nullable(),
    details: z.record(text, z.unknown()),
    previousHash: text,
    hash: text,
  })
  .meta({ id: 'AuditEntry' });

const auditVerdictSchema = z
  .object({
    ok: z.boolean(),
    checked: z.int(),
    brokenAt: z.int().nullable().describe('First row that does not follow from the one before it'),
    brokenCount: count,
    broken: z
      .array(z.object({ id: z.int(), problem: z.enum(['changed', 'previous row changed or missing']) }))
      .readonly()
      .describe('Every broken row, at most the first 10,000'),
    newestMissing: z.boolean().describe('Rows are missing at the end of the log'),
  })
  .meta({ id: 'AuditVerdict' });

const tags = ['audit'];

/** The audit log, and its verification. */
export function auditRoutes(app: Api, { audit }: Pick<ApiDeps, 'audit'>): void {
  app.get('/audit', { config: { access: 'operator' }, schema: listSchema }, async ({ query }) => {
    const { cursor, limit = 50, ...filter } = query;
    const before = decodeCursor(cursor, numericCursor);
    const rows = await audit.list({
      ...filter,
      before: before === undefined ? undefined : Number(before),
      limit: limit + 1,
    });
    return toPage(
      rows,
      limit,
      (row) => ({ ...row, at: row.at.toISOString() }),
      (row) => String(row.id),
    );
  });

  app.get('/audit/verification', { config: { access: 'operator' }, schema: verifySchema }, () => audit.verify());
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
