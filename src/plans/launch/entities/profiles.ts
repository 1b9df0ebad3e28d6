import type { Entity } from '../../../plan/contract.ts';
import { buyersSource } from '../people/buyers.ts';
import { emailKey, instantOf, objectOf, textOf, textsOf } from '../values.ts';
import { createdAtColumn, recordSchema, updatedAtColumn } from './shape.ts';

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
      return { kind: 'skip', code: 'NO_ACCOUNT', message: 'nobody is named; it is listed among the accounts' };
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
      email: { type: 'text', unique: true },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      tags: { type: 'text[]', nullable: true },
      acquisition_source: { type: 'text', nullable: true },
      status: { type: 'text', default: `'active'` },
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
