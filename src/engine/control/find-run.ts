import { DroverError } from '../../errors.ts';
import type { Run } from '../ports.ts';

/** The run of that id; throws NOT_FOUND. */
export async function findRun(store: { find(id: string): Promise<Run | undefined> }, id: string): Promise<Run> {
  const run = await store.find(id);
  if (!run) throw new DroverError('NOT_FOUND', `there is no run ${id}`, { remedy: '`drover runs` lists them.' });
  return run;
}
