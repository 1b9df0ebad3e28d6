/**
 * The link of a live bookings table with its users.
 *
 * Glossary
 * - frontier: the highest key of the table when the trigger stood. Rows behind it are linked by the trigger, so filling ends there
 *   however fast others write.
 * - hold: a reason for which no batch is begun, with the value measured and its limit.
 */

/** The table and its columns, as the application names them. */
export interface BookingsTable {
  readonly schema: string;
  readonly name: string;
  readonly key: string;
  readonly keyType: string;
  readonly contact: string;
  /** `jsonb`, `json` or a text type. */
  readonly contactType: string;
  readonly createdAt: string;
}
