import type { Entity } from '../../../plan/contract.ts';
import { buyersSource } from '../people/buyers.ts';
import { emailKey, instantOf, objectOf, textOf, textsOf } from '../values.ts';
import { createdAtColumn, recordSchema, updatedAtColumn, uuidOf } from './shape.ts';

/**
 * Accounts of those whose product comes with a profile. One address is one person. An account that exists keeps its id, and
 * everything in it.
 */
export const users = {
  title: 'Accounts',
  dependsOn: ['xendit_transactions', 'xendit_invoices', 'systemeio_raw'],
  readsAfter: ['xendit_transactions', 'xendit_invoices', 'systemeio_raw'],
  source: buyersSource,
  schema: recordSchema,
  transform: (raw, { sourceId }) => {
    if (!textsOf(raw.gets).includes('profile')) {
      return { kind: 'skip', code: 'NO_ACCOUNT', message: 'what was bought comes without an account' };
    }
    const email = emailKey(raw.email);
    if (email === null)
      return {
        kind: 'reject',
        code: 'PAYER_UNKNOWN',
        field: 'email',
        message: 'nobody is named who could have an account',
        missingDependency: raw.alone === true,
      };
    const since = instantOf(raw.since);
    const id = uuidOf(raw.account_id);
    const contact = objectOf(raw.contact);
    return {
      kind: 'row',
      row: {
        ...(id === null ? {} : { id }),
        email,
        raw_user_meta_data: { first_name: textOf(contact.first_name), last_name: textOf(contact.last_name) },
        created_at: since,
      },
      mergeKey: email,
      // An existing account first, so that it is its record the others are merged into.
      mergeRank: `${id === null ? 1 : 0} ${since ?? '9999'} ${sourceId}`,
    };
  },
  target: {
    kind: 'postgres',
    table: 'users',
    naturalKey: ['email'],
    columns: {
      email: { type: 'text', unique: true },
      encrypted_password: { type: 'text', nullable: true, optional: true, insertOnly: true },
      email_confirmed_at: { type: 'timestamptz', nullable: true, optional: true, insertOnly: true },
      raw_user_meta_data: { type: 'jsonb', nullable: true, optional: true, insertOnly: true },
      created_at: createdAtColumn,
      updated_at: updatedAtColumn,
    },
  },
  merge: {
    duplicateAction: 'skip',
    code: 'MERGED',
    rule: 'Purchases and contacts with one e-mail address are one person: the earliest makes the account, and an account that exists is kept.',
  },
} satisfies Entity;
