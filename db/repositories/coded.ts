import { DroverError } from '../../src/errors.ts';
import { toDatabaseError } from '../errors.ts';

/** Waits for a query and turns what PostgreSQL or the driver threw into a DroverError. */
export async function coded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DroverError) throw error;
    // drizzle wraps the driver's error; the SQLSTATE is on the cause.
    throw toDatabaseError((error as { cause?: unknown }).cause ?? error);
  }
}
