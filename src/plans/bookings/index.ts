import type { Plan } from '../../plan/contract.ts';
import { definePlan } from '../../plan/define-plan.ts';
import { paramsSchema, settingsSchema } from './params.ts';
import { payments } from './payments.ts';
import { userNotes, users } from './people.ts';
import { adminTablesSql } from './tables/admin.ts';
import { moneyTablesSql } from './tables/money.ts';
import { peopleTablesSql } from './tables/people.ts';
import { statisticsTablesSql } from './tables/statistics.ts';

/** What to do about the plan's own codes. */
const codes = {
  NO_EMAIL: 'The booking stays without a user: write an address into its contact details, then run the plan again.',
  BAD_EMAIL: 'The booking stays without a user: correct the address in its contact details, then run the plan again.',
  BAD_CONTACT:
    'The booking stays without a user: its contact details are no JSON object; correct them, then run the plan again.',
  HAS_EMAIL: 'Run the plan again: it takes the user of the booking.',
  UNKNOWN_STATUS:
    'Name statuses for which nothing was paid with --param unpaidStatuses, or correct the booking, then replay it.',
  UNKNOWN_CURRENCY: 'Start with --param currency=USD, or correct the currency of the booking, then replay it.',
  NO_AMOUNT: 'Write the amount into the booking, then replay it.',
  BAD_AMOUNT: 'Correct the amount of the booking, then replay it.',
  BAD_DATE: 'Correct the date of the booking, then replay it.',
  NOT_PAID: 'Nothing to do: nothing was paid for the booking.',
} as const;

export default definePlan({
  name: 'bookings',
  version: '1.0.0',
  title: 'Bookings to users and payments',
  description: 'One table of bookings becomes users, one for each e-mail address, and payments.',
  settings: settingsSchema,
  params: paramsSchema,
  upstreams: [],
  entities: { users, user_notes: userNotes, payments },
  rules: [
    {
      name: 'one-payment-a-booking',
      entity: 'payments',
      severity: 'error',
      description: 'No booking has two payments of its history',
      violates: `t.provider = 'migrated' AND EXISTS (SELECT 1 FROM {schema}.payments o
        WHERE o.booking_id = t.booking_id AND o.provider = 'migrated' AND o.id <> t.id)`,
    },
  ],
  codes,
  furtherTables: (schema) =>
    [peopleTablesSql, moneyTablesSql, statisticsTablesSql, adminTablesSql].map((sql) => sql(schema)).join(''),
} satisfies Plan);
