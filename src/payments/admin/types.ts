import { z } from 'zod';
import { DroverError } from '../../errors.ts';

/** How users can be ordered. Users of one value are in the order of their ids. */
export const userSorts = ['name', 'created', 'bookings', 'spent', 'lastBooking'] as const;
export type UserSort = (typeof userSorts)[number];

export const mergedFilters = ['exclude', 'include', 'only'] as const;

export interface UserQuery {
  /** A part of name, address or telephone number. */
  readonly search?: string | undefined;
  readonly sort?: UserSort | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  /** ISO 4217; needed for `spent` and `spentAtLeast`. */
  readonly currency?: string | undefined;
  readonly hasBookings?: boolean | undefined;
  /** Minor units. */
  readonly spentAtLeast?: string | undefined;
  readonly createdSince?: string | undefined;
  /** Exclusive. */
  readonly createdUntil?: string | undefined;
  readonly merged?: (typeof mergedFilters)[number] | undefined;
  readonly cursor?: string | undefined;
  /** The page at that end of the list, without a cursor. */
  readonly from?: 'start' | 'end' | undefined;
  readonly limit: number;
}

/** What a user's bookings and payments add up to, exact at the moment of the answer. */
export interface UserFigures {
  readonly totalBookings: number;
  /** Minor units as a decimal string, by currency: `{"PHP": "125000"}`. Net of refunds and lost disputes. */
  readonly totalSpent: Readonly<Record<string, string>>;
  readonly firstBookingAt: string | null;
  readonly lastBookingAt: string | null;
}

export interface UserView extends UserFigures {
  readonly id: string;
  readonly email: string;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly phone: string | null;
  readonly companyName: string | null;
  readonly createdAt: string | null;
  readonly mergedInto: string | null;
}

/** A page that can be left both ways. */
export interface TwoWayPage<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly previousCursor: string | null;
}

export interface MergeView {
  readonly id: string;
  readonly userId: string;
  readonly into: string;
  readonly reason: string;
  readonly actor: string;
  readonly mergedAt: string;
  readonly undoneAt: string | null;
}

/** Rows of one table that a merge or its undoing moves. */
export interface MovedRows {
  readonly table: string;
  readonly column: string;
  readonly moved: number;
  /** Rows that stay where they are: a unique key of the table allows no second one for the other user. */
  readonly kept: number;
}

export interface MergeResult {
  readonly dryRun: boolean;
  /** Null of a dry run. */
  readonly mergeId: string | null;
  readonly userId: string;
  readonly into: string;
  readonly tables: readonly MovedRows[];
}

/** Throws BAD_REQUEST for a cursor that is not one of this list. */
export function parseCursor<T>(cursor: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(cursor));
  } catch {
    throw new DroverError('BAD_REQUEST', 'the cursor is not one of this list', {
      field: 'query.cursor',
      remedy: 'Send a cursor of a page of the same list, sort, order and currency unchanged.',
    });
  }
}

/** A value by which rows are ordered, and the id of the last row of the page. */
export const placeCursor = z.tuple([z.string().max(200), z.string().max(300)]);

/** An instant in JSON: UTC, milliseconds. */
export const isoSql = (expression: string): string =>
  `to_char((${expression}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
