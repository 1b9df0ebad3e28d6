import type { Entity } from '../../../plan/contract.ts';
import { contactRow } from '../raw/contact-row.ts';
import { contactSource } from '../raw/sources.ts';
import { recordSchema, syncedAtColumn } from './shape.ts';

/** Contacts, as Systeme.io says them: one row a contact, however many have one address. */
export const systemeioRaw = {
  title: 'Systeme.io contacts, as Systeme.io says them',
  dependsOn: [],
  source: contactSource,
  schema: recordSchema,
  transform: (raw, { sourceId }) => ({ kind: 'row', row: contactRow(raw, sourceId) }),
  target: {
    kind: 'postgres',
    table: 'systemeio_raw',
    naturalKey: ['contact_id'],
    columns: {
      contact_id: { type: 'text', unique: true },
      email: { type: 'text', nullable: true },
      email_key: { type: 'text', nullable: true, indexed: true },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      tags: { type: 'text[]' },
      source_url: { type: 'text', nullable: true },
      unsubscribed: { type: 'boolean' },
      bounced: { type: 'boolean' },
      needs_confirmation: { type: 'boolean' },
      created_at: { type: 'timestamptz', nullable: true },
      api_synced_at: syncedAtColumn,
      api_response: { type: 'jsonb' },
    },
  },
} satisfies Entity;
