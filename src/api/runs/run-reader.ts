import { z } from 'zod';
import type { Control, RunView } from '../../engine/control/contract.ts';
import { createTtlCache } from '../fresh-for.ts';
import { runSchema } from '../schemas/run.ts';

/**
 * Runs as many clients read them at once: looked at once in 200 ms, however many ask, and beside a migration that takes a
 * database a while. So nobody waits for it: until the next one is there the last one is given, never a second old.
 */
export interface RunReader {
  read(id: string): Promise<RunView>;
  /** The run as JSON, checked against its schema. Made once for all who read the same state. */
  toJson(run: RunView): string;
  /** The run was changed here, so the next reader must see it. */
  invalidate(id: string): void;
}

const ttlMs = 200;
const staleMs = 900;

export function createRunReader(control: Pick<Control, 'run'>): RunReader {
  const cached = createTtlCache({ ttlMs, staleMs }, (id) => control.run(id));
  const texts = new WeakMap<RunView, string>();
  return {
    read: cached.get,
    invalidate: cached.invalidate,
    toJson(run) {
      const text = texts.get(run) ?? JSON.stringify(z.encode(runSchema, run));
      texts.set(run, text);
      return text;
    },
  };
}
