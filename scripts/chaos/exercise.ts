import type { Result } from './ending.ts';
import type { Ground } from './ground.ts';
import { holdDrill } from './hold-drill.ts';
import type { DrillOptions } from './running.ts';
import type { Scenario } from './scenario.ts';

/** Something that can go wrong, ready to be held: whatever it needs besides the ground it brings along. */
export interface Exercise {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  hold(ground: Ground, options: DrillOptions): Promise<Result>;
}

/** A scenario of the Bubble migration. */
export function migration(scenario: Scenario): Exercise {
  const { name, summary } = scenario;
  return { name, summary, hold: (ground, options) => holdDrill(ground, scenario, options) };
}
