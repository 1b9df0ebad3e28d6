import { parseArgs } from 'node:util';
import type { RunnableScenario } from './exercise.ts';
import { scenarios } from './scenarios/index.ts';

export interface ChaosOptions {
  readonly records: number;
  readonly killEvery: number;
  readonly seeds: readonly number[];
  readonly scenarios: readonly RunnableScenario[];
  /** Instead of the scenarios: is each guard missed when it is switched off? */
  readonly mutations: boolean;
  /** Instead of the scenarios: are rows that somebody spoilt named and mended? */
  readonly mismatch: boolean;
}

export const usage = `Usage: npm run chaos -- [options]

Runs the Bubble migration and the move of a catalogue into Stripe with real processes, breaks them, and asks an oracle what was lost and what was doubled.

  --records N       source records of each drill, about (default 2000)
  --kill-every N    seconds between two kills, where a scenario kills (default 2)
  --seed N[,N...]   what chance is made of (default 1,2,3)
  --scenario NAME   all (default), or some, comma-separated:
${scenarios.map(({ name, summary }) => `                    ${name.padEnd(22)}${summary}`).join('\n')}
  --mutations       instead: switches each guard off in turn (epochs, leases, intents, the limiter, the key of the inbox) and holds the
                    drill that must notice
  --mismatch        instead: changes one cell, drops one row and doubles another of so many records in the target; each
                    must be named, mended on request, and found right afterwards

Ends with one line of JSON, and exits with 1 when a scenario was not survived, or a missing guard not noticed.`;

/** Throws an Error whose message is for a person. Undefined when only help was asked for. */
export function readOptions(args: readonly string[]): ChaosOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      records: { type: 'string', default: '2000' },
      'kill-every': { type: 'string', default: '2' },
      seed: { type: 'string', default: '1,2,3' },
      scenario: { type: 'string', default: 'all' },
      mutations: { type: 'boolean', default: false },
      mismatch: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  return {
    records: parseCount('--records', values.records, 10),
    killEvery: parseCount('--kill-every', values['kill-every'], 1),
    seeds: values.seed.split(',').map((text) => parseCount('--seed', text, 0)),
    scenarios: selectScenarios(values.scenario),
    mutations: values.mutations,
    mismatch: values.mismatch,
  };
}

function parseCount(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`${name} takes a whole number from ${least}, not ${text}. See --help.`);
}

function selectScenarios(names: string): readonly RunnableScenario[] {
  if (names === 'all') return scenarios;
  return names.split(',').map((name) => {
    const found = scenarios.find((exercise) => exercise.name === name.trim());
    if (found) return found;
    throw new Error(`There is no scenario ${name}; there are ${scenarios.map((one) => one.name).join(', ')}.`);
  });
}
