import { DroverError } from '../../errors.ts';
import type { Run } from '../ports.ts';

/** What of a run says that it is a trial, and where it writes. */
export type TrialRun = Pick<Run, 'scope' | 'targetSchema' | 'stamp'>;

const trialSuffix = (stamp: string): string => `_trial_${stamp}`;
const maxNameBytes = 63; // bytes of a PostgreSQL name; target schemas are plain ASCII

/** The schema a trial loads into instead of the target's. Throws BAD_REQUEST when there is no room for its name. */
export function trialSchema(targetSchema: string, stamp: string): string {
  const name = `${targetSchema}${trialSuffix(stamp)}`;
  if (name.length <= maxNameBytes) return name;
  throw new DroverError('BAD_REQUEST', `the name of schema ${targetSchema} leaves no room for a trial's suffix`, {
    remedy: `Give a targetSchema of at most ${maxNameBytes - trialSuffix(stamp).length} characters.`,
  });
}

export function isTrial({ scope }: Pick<Run, 'scope'>): boolean {
  return scope.trial !== undefined;
}

/** The schema the trial stands in for; undefined of what is no trial, so that nothing else is ever dropped. */
export function targetSchemaOfTrial(run: TrialRun): string | undefined {
  const suffix = trialSuffix(run.stamp);
  if (!isTrial(run) || !run.targetSchema.endsWith(suffix)) return undefined;
  return run.targetSchema.slice(0, -suffix.length);
}
