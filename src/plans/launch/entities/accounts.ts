import { emailKey } from '../../../email.ts';
import type { Entity } from '../../../plan/contract.ts';
import { buyersSource } from '../people.ts';
import {
  createdAtColumn,
  instantOf,
  objectOf,
  recordSchema,
  textOf,
  textsOf,
  updatedAtColumn,
  uuidOf,
} from '../values.ts';

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
        message: 'no buyer is named who could have an account',
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
      email: { type: 'text', unique: true, compareAs: 'email' },
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

/** One profile for each account, with the account's id. Its affiliate is added by `profile_affiliates`. */
export const unifiedProfiles = {
  title: 'Profiles',
  dependsOn: ['users'],
  readsAfter: ['users'],
  source: buyersSource,
  schema: recordSchema,
  transform: (raw, { sourceId }) => {
    if (!textsOf(raw.gets).includes('profile')) {
      return { kind: 'skip', code: 'NO_ACCOUNT', message: 'what was bought comes without a profile' };
    }
    const email = emailKey(raw.email);
    if (email === null)
      return { kind: 'skip', code: 'NO_ACCOUNT', message: 'no buyer is named; it is listed among the accounts' };
    const contact = objectOf(raw.contact);
    const since = instantOf(raw.since);
    const [first, ...rest] = (textOf(raw.name) ?? '').split(' ').filter((name) => name !== '');
    const isContact = textOf(contact.contact_id) !== null;
    return {
      kind: 'row',
      references: { id: { entity: 'users', sourceId } },
      row: {
        email,
        first_name: textOf(contact.first_name) ?? first ?? null,
        last_name: textOf(contact.last_name) ?? (rest.length > 0 ? rest.join(' ') : null),
        phone: textOf(contact.phone),
        tags: textsOf(raw.products),
        acquisition_source: textOf(raw.acquisition_source),
        status: 'active',
        systemeio_id: textOf(contact.contact_id),
        systemeio_tags: textsOf(contact.tags),
        api_source: isContact ? 'systemeio' : 'xendit',
        created_at: since,
      },
      mergeRank: `${since ?? '9999'} ${sourceId}`,
    };
  },
  target: {
    kind: 'postgres',
    table: 'unified_profiles',
    naturalKey: ['email'],
    idReferences: 'users',
    columns: {
      email: { type: 'text', unique: true, compareAs: 'email' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      tags: { type: 'text[]', nullable: true },
      acquisition_source: { type: 'text', nullable: true },
      status: { type: 'text', default: `'active'`, keepExisting: true },
      systemeio_id: { type: 'text', nullable: true },
      systemeio_tags: { type: 'text[]', nullable: true },
      api_source: { type: 'text', nullable: true, default: `'systemeio'` },
      created_at: createdAtColumn,
      updated_at: updatedAtColumn,
    },
  },
  merge: {
    duplicateAction: 'skip',
    code: 'MERGED',
    rule: 'An account has one profile: that of its earliest purchase.',
    byReference: 'id',
  },
} satisfies Entity;
