import { z } from 'zod';
import { roles } from '../../engine/control/contract.ts';
import { idSchema, pageQuery, textSchema } from './common.ts';

const text = z.string();

const keyFields = {
  id: text,
  name: text,
  role: z.enum(roles),
  createdBy: text,
  createdAt: text,
  expiresAt: text.nullable(),
  revokedAt: text.nullable(),
  lastUsedAt: text.nullable(),
};

export const keySchema = z.object(keyFields).meta({ id: 'Key' });

export const newKeySchema = z
  .object({ ...keyFields, key: text.nullable().describe('Shown this once; null in a repeated answer') })
  .meta({ id: 'NewKey' });

export const newKeyBody = z.strictObject({
  name: textSchema(100).describe('Whose it is'),
  role: z.enum(roles),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});

export const keysQuery = z.strictObject(pageQuery);

export const sessionBody = z.strictObject({ key: z.string().min(1).max(600) });

export const sessionSchema = z
  .object({ actor: text, role: z.enum(roles), expiresAt: text.nullable() })
  .meta({ id: 'Session' });

export const auditQuery = z.strictObject({ actor: idSchema.optional(), subject: idSchema.optional(), ...pageQuery });

export const auditSchema = z
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

export const auditVerdictSchema = z
  .object({
    ok: z.boolean(),
    checked: z.int(),
    brokenAt: z.int().nullable().describe('First row that does not follow from the one before it'),
  })
  .meta({ id: 'AuditVerdict' });
