import { join } from 'node:path';
import { inject } from 'vitest';
import type { Result } from '../../scripts/chaos/ending.ts';
import { type Exercise, migration } from '../../scripts/chaos/exercise.ts';
import { type Ground, openGround } from '../../scripts/chaos/ground.ts';
import type { Scenario } from '../../scripts/chaos/scenario.ts';

/** Servers for the drills of one test file: the run's PostgreSQL, unless it is to be broken, and a Redis of our own. */
export function testGround(name: string, options: { ownPostgres?: boolean } = {}): Promise<Ground> {
  const folder = join(inject('testFolder'), `faults-${name}`);
  return openGround({ folder, ...(options.ownPostgres ? {} : { postgresUrl: inject('postgresUrl') }) });
}

/** Holds a drill and prints its figures. */
export function drill(ground: Ground, scenario: Scenario, records: number, seed = 1): Promise<Result> {
  return exercise(ground, migration(scenario), records, seed);
}

/** The same of any exercise. */
export async function exercise(ground: Ground, held: Exercise, records: number, seed = 1): Promise<Result> {
  const result = await held.hold(ground, { records, seed, killEvery: 2 });
  const { kills, lost, doubled, recoveryMs, seconds } = result;
  console.log(
    `${held.name}: ${result.records} records in ${seconds.toFixed(1)} s, ${kills} kills, ` +
      `${lost} lost, ${doubled} doubled, recovered in ${recoveryMs} ms`,
  );
  return result;
}
