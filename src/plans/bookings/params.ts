import { IANAZone } from 'luxon';
import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import { parseCurrency } from '../../money.ts';
import type { SourceContext } from '../../plan/contract.ts';
import { openPostgresTable, type PostgresTable } from '../../sources/postgres/table.ts';

/** The names that a row is read under, and the columns the document gives them. */
const defaultColumns = {
  contact: 'contactDetails',
  createdAt: 'createdAt',
  status: 'status',
  amount: 'finalAmount',
  paidAt: 'paymentDate',
  method: 'paymentMethod',
  reference: 'bookingReference',
} as const;

/** Columns that the document's table does not have and others may. */
const extraColumns = ['currency', 'paymentIntent'] as const;

const columnName = z.string().min(1).max(63);
const columnNames = ['id', ...Object.keys(defaultColumns), ...extraColumns];

/** The parameters of a run of this plan. */
export const paramsSchema = z.strictObject({
  table: z
    .string()
    .regex(/^[^.]{1,63}(\.[^.]{1,63})?$/, 'is no name of a table')
    .exactOptional()
    .describe('The table of the bookings, with its schema where it is not on the search path. Default: bookings.'),
  columns: z
    .strictObject(Object.fromEntries(columnNames.map((name) => [name, columnName.exactOptional()])))
    .exactOptional()
    .describe(
      `Columns that have other names: ${Object.entries(defaultColumns)
        .map(([name, column]) => (name === column ? name : `${name} (${column})`))
        .join(', ')}, id; and, where there are such, currency and paymentIntent (the id at Stripe).`,
    ),
  currency: z
    .string()
    .refine((code) => parseCurrency(code) === code, 'is no currency code of ISO 4217 (such as USD)')
    .exactOptional()
    .describe('Currency of the amounts, where the table has no column of it.'),
  timeZone: z
    .string()
    .refine((name) => IANAZone.isValidZone(name), 'is no IANA time zone (such as Europe/Paris)')
    .exactOptional()
    .describe('Zone of columns without one. Not needed where they have one.'),
  unpaidStatuses: z
    .array(z.string().min(1))
    .exactOptional()
    .describe('Statuses of the application, besides the known ones, of bookings for which nothing was paid.'),
});

export type BookingsParams = z.output<typeof paramsSchema>;

/** Environment variables of the plan. */
export const settingsSchema = z.object({
  SOURCE_DATABASE_URL: z
    .string()
    .optional()
    .describe('The database with the bookings, which may be the target. Its role needs SELECT on the table.'),
});

/** The parameters of a run, which were checked when it was started. */
export function parseParams(params: unknown): BookingsParams {
  const parsed = paramsSchema.safeParse(params);
  return parsed.success ? parsed.data : {};
}

/** The table of the bookings. Throws CONFIGURATION when the database is not named. */
export function openBookings({ settings, params }: SourceContext): PostgresTable {
  const url = settings.SOURCE_DATABASE_URL?.trim();
  if (!url) {
    throw new DroverError('CONFIGURATION', 'SOURCE_DATABASE_URL not set', {
      remedy:
        'Set SOURCE_DATABASE_URL for the workers: the database with the table of bookings, which may be the target.',
    });
  }
  const { table = 'bookings', columns = {}, timeZone } = parseParams(params);
  const { id = 'id', ...named } = columns;
  return openPostgresTable({
    ...{ url, table, key: id, timeZone },
    columns: { ...defaultColumns, ...named },
    optional: [],
  });
}
