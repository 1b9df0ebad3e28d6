import type { Entity } from '../../../plan/contract.ts';
import { createTransform, recordSchema, timestampColumns } from '../entity.ts';
import { passwordOutcome, withHashedPassword } from '../password.ts';
import { rejectOutcome, rowOutcome } from '../row.ts';
import { openSource } from '../sources.ts';
import { fillTimestamps, mergeRankOf } from '../stamps.ts';

/** People. One e-mail address is one person, whatever its spelling and however many accounts it has. */
export const users = {
  title: 'Users',
  dependsOn: [],
  source: openSource,
  schema: recordSchema,
  transform: createTransform('users', (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    fillTimestamps(draft, sourceId);
    const { row } = draft;
    const password = passwordOutcome(typeof row.password_hash === 'string' ? row.password_hash : null);
    delete row.password_hash;
    Object.assign(row, password.columns);
    if ('note' in password && password.note !== undefined) draft.notes.push(password.note);
    return {
      ...rowOutcome(draft),
      mergeKey: String(row.email),
      mergeRank: mergeRankOf(draft),
      ...('enrich' in password && { enrich: password.enrich }),
    };
  }),
  enrich: (row, secret, tools) => withHashedPassword(row, secret, (plain) => tools.hashPassword(plain)),
  target: {
    kind: 'postgres',
    table: 'users',
    naturalKey: ['email'],
    columns: {
      email: { type: 'text', unique: true },
      // Never over the password of somebody who is there already: they may have set it since.
      password_hash: { type: 'text', enriched: true, insertOnly: true },
      role: { type: 'text' },
      is_active: { type: 'boolean', default: 'true' },
      email_verified: { type: 'boolean', default: 'false' },
      password_reset_required: { type: 'boolean', default: 'false', optional: true, insertOnly: true },
      ...timestampColumns,
    },
  },
  merge: {
    duplicateAction: 'skip',
    code: 'MERGED',
    rule: 'Users with the same e-mail address are one person: the account made first stays (of equals the lowest id), and what points at the others points at it.',
  },
} satisfies Entity;
