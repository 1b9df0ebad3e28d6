import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Column, Entity, Merge, RecordMoney, TransformContext, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { EntityName } from './entity-names.ts';
import { readAmount } from './parsers/numbers.ts';
import { Problem } from './parsers/parser.ts';
import { passwordOutcome, withHashedPassword } from './password.ts';
import { rawPaymentMoney } from './raw-money.ts';
import { draftRow, fillTimestamps, mergeRankOf, type RowDraft, rejectOutcome, rowOutcome } from './row.ts';
import { openSource } from './source.ts';

/** Any object: which fields a record has is the field map's business, record by record. */
const recordSchema = z.custom<JsonObject>((raw) => typeof raw === 'object' && raw !== null && !Array.isArray(raw), {
  error: 'is not an object with fields',
});

/** Columns every table may have; left out where an existing table lacks them. */
const timestampColumns = {
  // The day a row that was there before was made is not ours to change.
  created_at: { type: 'timestamptz', nullable: true, default: 'now()', optional: true, insertOnly: true },
  updated_at: { type: 'timestamptz', nullable: true, default: 'now()', optional: true },
} as const satisfies Record<string, Column>;

/** The transform of an entity: drafts the row by the field map, and leaves the rest to `finish`. */
function createTransform(
  entity: EntityName,
  finish: (draft: RowDraft, context: TransformContext) => TransformOutcome,
): Entity['transform'] {
  return (raw, context) => {
    try {
      return finish(draftRow(entity, isObject(raw) ? raw : {}, context), context);
    } catch (thrown) {
      // Only parameters that are none come here; a run with such is refused before it starts.
      if (thrown instanceof DroverError) return { kind: 'reject', code: thrown.code, message: thrown.message };
      throw thrown;
    }
  };
}

function isObject(raw: unknown): raw is JsonObject {
  return typeof raw === 'object' && raw !== null;
}

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
      email: { type: 'text', unique: true, compareAs: 'email' },
      // Never over the password of an existing user, who may have set it since.
      password_hash: { type: 'text', enriched: true, insertOnly: true },
      role: { type: 'text', keepExisting: true },
      is_active: { type: 'boolean', default: 'true', keepExisting: true },
      email_verified: { type: 'boolean', default: 'false', keepExisting: true },
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

/** A second profile of one person is not merged: its texts would have to be thrown away, or chosen between. */
const profileMerge: Merge = {
  duplicateAction: 'reject',
  code: 'DUPLICATE_PROFILE',
  byReference: 'user_id',
  rule: 'A person has one profile of each kind: the one made first stays (of equals the lowest id), the others are rejected.',
};

/** The transform of either kind of profile. */
function profileTransform(entity: 'client_profiles' | 'coach_profiles'): Entity['transform'] {
  return createTransform(entity, (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    fillTimestamps(draft, sourceId);
    return { ...rowOutcome(draft), mergeRank: mergeRankOf(draft) };
  });
}

/** What clients tell of themselves. */
export const clientProfiles = {
  title: 'Client profiles',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: profileTransform('client_profiles'),
  target: {
    kind: 'postgres',
    table: 'client_profiles',
    naturalKey: ['user_id'],
    columns: {
      user_id: { type: 'uuid', unique: true, references: 'users' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      photo_url: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      timezone: { type: 'text', nullable: true },
      quiz_data: { type: 'jsonb', nullable: true },
      preferences: { type: 'jsonb', nullable: true },
      ...timestampColumns,
    },
  },
  merge: profileMerge,
} satisfies Entity;

/** What coaches offer. */
export const coachProfiles = {
  title: 'Coach profiles',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: profileTransform('coach_profiles'),
  target: {
    kind: 'postgres',
    table: 'coach_profiles',
    naturalKey: ['user_id'],
    columns: {
      user_id: { type: 'uuid', unique: true, references: 'users' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      bio: { type: 'text', nullable: true },
      expertise: { type: 'text[]', nullable: true },
      languages: { type: 'text[]', nullable: true },
      countries: { type: 'text[]', nullable: true },
      hourly_rate: { type: 'numeric(10,2)', nullable: true },
      availability: { type: 'jsonb', nullable: true },
      rating: { type: 'numeric(3,2)', nullable: true },
      total_sessions: { type: 'integer', nullable: true },
      ...timestampColumns,
    },
  },
  merge: profileMerge,
} satisfies Entity;

/** Sessions of a client with a coach. */
export const bookings = {
  title: 'Bookings',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: createTransform('bookings', (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    fillTimestamps(draft, sourceId);
    const { client_id: client, coach_id: coach } = draft.references;
    if (client?.sourceId === coach?.sourceId) draft.notes.push('coach_id: client and coach are the same user');
    return rowOutcome(draft);
  }),
  target: {
    kind: 'postgres',
    table: 'bookings',
    columns: {
      client_id: { type: 'uuid', references: 'users' },
      coach_id: { type: 'uuid', references: 'users' },
      session_datetime: { type: 'timestamptz' },
      duration_minutes: { type: 'integer' },
      status: { type: 'text' },
      ...timestampColumns,
    },
  },
} satisfies Entity;

/** Payments for bookings. */
export const payments = {
  title: 'Payments',
  dependsOn: ['bookings'],
  source: openSource,
  schema: recordSchema,
  transform: createTransform('payments', (draft, { sourceId }) => {
    const money = moneyOf(draft);
    fillTimestamps(draft, sourceId);
    const outcome = draft.fault === undefined ? rowOutcome(draft) : rejectOutcome(draft.fault);
    return money === undefined ? outcome : { ...outcome, money };
  }),
  target: {
    kind: 'postgres',
    table: 'payments',
    columns: {
      booking_id: { type: 'uuid', references: 'bookings' },
      amount: { type: 'numeric(19,4)' },
      currency: { type: 'text' },
      status: { type: 'text' },
      stripe_session_id: { type: 'text', nullable: true },
      stripe_payment_intent_id: { type: 'text', nullable: true },
      created_at: timestampColumns.created_at,
    },
  },
  money: { amount: 'amount', currency: 'currency', status: 'status' },
  rawMoney: rawPaymentMoney,
} satisfies Entity;

/** What the record is worth, also when it is rejected: sums must account for what was not loaded. */
function moneyOf({ row, sourceValues: found, context }: RowDraft): RecordMoney | undefined {
  const { currency, status } = row;
  if (typeof currency !== 'string' || found.amount === undefined) return undefined;
  const read = readAmount(found.amount, currency, context.reading.amountUnit);
  if (read instanceof Problem) return undefined;
  return { minor: String(read.minor), currency, status: typeof status === 'string' ? status : 'unknown' };
}
