import type { Control, RunView } from '../../engine/control/contract.ts';
import { freshFor } from '../fresh-for.ts';

/** Runs as many clients read them at once: one query in 200 ms, however many ask. */
export interface RunReader {
  read(id: string): Promise<RunView>;
  /** The run was changed here, so the next reader must see it. */
  forget(id: string): void;
}

const freshMs = 200;

export function createRunReader(control: Pick<Control, 'run'>): RunReader {
  const cached = freshFor(freshMs, (id) => control.run(id));
  return { read: cached.get, forget: cached.forget };
}
