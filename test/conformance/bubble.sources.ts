import type { ListDescription, SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import plan from '../../src/plans/bubble/index.ts';
import { startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';

const ids = {
  ana: '1708327130811x106027240349761540',
  coach: '1708327130812x106027240349761541',
  booking: '1708327130813x106027240349761542',
};
const made = '2024-02-19T07:18:50.812Z';
const changed = '2024-03-01T10:00:00.123Z';
const times = { 'Created Date': made, 'Modified Date': changed };
const timeColumns = {
  'Created Date': { meaning: 'date', into: 'created_at', needs: 'nothing' },
  'Modified Date': { meaning: 'date', into: 'updated_at', needs: 'nothing' },
} as const;

const profile = { user_id: ids.ana, first_name: 'Zoé', last_name: 'Cruz' };
const records = {
  users: [
    { _id: ids.ana, email: 'josé@example.com', type: 'seeker', active: 'yes', verified: 'no', ...times },
    { _id: ids.coach, email: 'zoé@example.com', type: 'coach', active: 'no', verified: 'yes', ...times },
  ],
  client_profiles: [{ _id: 'p1', ...profile, phone_number: '+63 917 000 0000', ...times }],
  coach_profiles: [{ _id: 'p2', ...profile, user_id: ids.coach, rate: '120.5', session_count: '12', ...times }],
  bookings: [
    {
      ...{
        _id: ids.booking,
        client_user_id: ids.ana,
        coach_user_id: ids.coach,
        session_date: '2024-03-05T15:00:00.000Z',
      },
      ...{ duration: '60', booking_status: 'complete', ...times },
    },
  ],
  payments: [
    {
      ...{ _id: 'pay-1', booking_ref: ids.booking, payment_amount: '1000', currency_code: 'USD' },
      ...{ payment_status: 'success', stripe_session: 'cs_test_1', 'Created Date': made },
    },
    {
      ...{ _id: 'pay-2', booking_ref: ids.booking, payment_amount: '12500', currency_code: 'JPY' },
      ...{ payment_status: 'success', stripe_session: 'cs_test_2', 'Created Date': made },
    },
  ],
};

const listsOf = (
  of: Readonly<Record<keyof typeof records, readonly JsonObject[]>>,
): Record<string, ListDescription> => ({
  users: {
    entity: 'users',
    columns: {
      _id: { meaning: 'id' },
      email: { meaning: 'email' },
      type: { meaning: 'word', into: 'role' },
      active: { meaning: 'word', into: 'is_active', needs: 'nothing' },
      verified: { meaning: 'word', into: 'email_verified', needs: 'nothing' },
      ...timeColumns,
    },
    records: of.users,
  },
  client_profiles: {
    entity: 'client_profiles',
    columns: {
      _id: { meaning: 'id' },
      user_id: { meaning: 'reference' },
      first_name: { meaning: 'text' },
      last_name: { meaning: 'text' },
      phone_number: { meaning: 'text' },
      ...timeColumns,
    },
    records: of.client_profiles,
  },
  coach_profiles: {
    entity: 'coach_profiles',
    columns: {
      _id: { meaning: 'id' },
      user_id: { meaning: 'reference' },
      first_name: { meaning: 'text' },
      last_name: { meaning: 'text' },
      session_count: { meaning: 'text' },
      rate: { meaning: 'text' },
      ...timeColumns,
    },
    records: of.coach_profiles,
  },
  bookings: {
    entity: 'bookings',
    columns: {
      _id: { meaning: 'id' },
      client_user_id: { meaning: 'reference', into: 'client_id' },
      coach_user_id: { meaning: 'reference', into: 'coach_id' },
      session_date: { meaning: 'date', into: 'session_datetime' },
      duration: { meaning: 'text' },
      booking_status: { meaning: 'word', into: 'status' },
      ...timeColumns,
    },
    records: of.bookings,
  },
  payments: {
    entity: 'payments',
    columns: {
      _id: { meaning: 'id' },
      booking_ref: { meaning: 'reference', into: 'booking_id' },
      payment_amount: { meaning: 'amount', into: 'amount' },
      currency_code: { meaning: 'currency', into: 'currency' },
      payment_status: { meaning: 'word', into: 'status' },
      stripe_session: { meaning: 'text' },
      'Created Date': { meaning: 'date', into: 'created_at', needs: 'nothing' },
    },
    records: of.payments,
  },
});

const files: SourceDescription = {
  title: 'CSV files',
  plan,
  lists: Object.fromEntries(Object.entries(listsOf(records)).map(([name, list]) => [`${name}.csv`, list])),
  serving: {
    kind: 'files',
    settings: (folder) => ({ MIGRATION_EXPORT_DIR: folder }),
    params: { skipExport: true },
  },
};

/** An id may have any letters where a table was filled from elsewhere. */
const letters = 'professeur-Zoé';
const withLetters = (record: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value === ids.coach ? letters : value]));
const idsKeepTheirForm = { reason: 'ids have the Unicode form of the file', shows: 'source ids' };
const lettersInIds: SourceDescription = {
  ...files,
  title: 'CSV files, an id with letters beyond ASCII',
  lists: Object.fromEntries(
    Object.entries(files.lists).map(([name, list]) => [
      name,
      { ...list, records: list.records.map(withLetters), columns: textOnly(list.columns) },
    ]),
  ),
  knownFaults: {
    'written another way: Unicode form NFD': idsKeepTheirForm,
    'written another way: everything at once': idsKeepTheirForm,
  },
};

/** The meanings were taken away with plain ids; here only the spellings count. */
function textOnly(columns: ListDescription['columns']): ListDescription['columns'] {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, { meaning: 'text', needs: 'nothing' }]));
}

// What the Data API gives has types, and its own names of lists.
const typeNames: Readonly<Record<string, string>> = {
  users: 'user',
  client_profiles: 'clientprofile',
  coach_profiles: 'coachprofile',
  bookings: 'booking',
  payments: 'payment',
};
const typed = {
  ...records,
  users: records.users.map(({ active, verified, ...user }) => ({
    ...{ ...user, active: active === 'yes', verified: verified === 'yes' },
  })),
  coach_profiles: records.coach_profiles.map((one) => ({ ...one, rate: 120.5, session_count: 12 })),
  bookings: records.bookings.map((one) => ({ ...one, duration: 60 })),
  payments: records.payments.map((one) => ({ ...one, payment_amount: Number(one.payment_amount) })),
};

const api: SourceDescription = {
  title: 'Data API',
  plan,
  lists: Object.fromEntries(
    Object.entries(listsOf(typed)).map(([name, list]) => [
      String(typeNames[name]),
      { ...list, records: list.records.map(withLetters) },
    ]),
  ),
  serving: {
    kind: 'api',
    pageSizes: [1, 2],
    async start(lists, pageSize) {
      const faults = pageSize === undefined ? [] : [{ fault: 'clamp', operation: 'list', limit: pageSize } as const];
      const sandbox = await startBubbleSandbox({ users: 0, ratePerMinute: 0, faults });
      for (const [type, list] of Object.entries(lists)) for (const record of list) sandbox.data.insert(type, record);
      return {
        settings: { BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey },
        close: () => sandbox.close(),
      };
    },
  },
};

export const sources = [files, lettersInIds, api];
