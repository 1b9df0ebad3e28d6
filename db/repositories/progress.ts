import { asc, eq } from 'drizzle-orm';
import type { Sample } from '../../src/engine/progress/rate.ts';
import type { Database } from '../client.ts';
import { samples } from '../schema/index.ts';
import { coded } from './coded.ts';

/** The samples of a run's progress, oldest first; the conductor keeps two minutes of them. */
export function samplesOf(database: Database, runId: string): Promise<Sample[]> {
  const { at, done, total } = samples;
  return coded(
    database.select({ at, done, total }).from(samples).where(eq(samples.runId, runId)).orderBy(asc(at)).execute(),
  );
}
