import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { guardChildren } from '../../scripts/stack/guard.ts';
import { stopOnSignals } from '../../scripts/stack/process.ts';
import { type RunnableScenario, runnableBubbleScenario } from './bubble.ts';
import { runnableCatalogScenario } from './catalog.ts';
import { type ChaosEnvironment, openChaosEnvironment } from './environment.ts';
import { mismatchProblems, runMismatchExperiment } from './mismatch.ts';
import { type Guard, guards } from './mutants.ts';
import { type ExperimentResult, resultLine, resultsJson } from './result.ts';
import { scenarios } from './scenarios/index.ts';
import { zombieWhilePaused } from './scenarios/operators.ts';
import { costlyWork, limits } from './scenarios/redis.ts';
import { keysForgotten } from './scenarios/stripe.ts';
import { webhooksReplayed } from './scenarios/webhooks.ts';
import { runnableWebhookScenario } from './webhooks.ts';

interface ChaosOptions {
  readonly records: number;
  readonly killEvery: number;
  readonly seeds: readonly number[];
  readonly scenarios: readonly RunnableScenario[];
  /** Instead of the scenarios: is each guard missed when it is switched off? */
  readonly mutations: boolean;
  /** Instead of the scenarios: are damaged rows named and repaired? */
  readonly mismatch: boolean;
}

const usage = `Usage: npm run chaos -- [options]

Runs the Bubble migration and the move of a catalogue into Stripe with real processes, breaks them, and asks an oracle what was lost and what was doubled.

  --records N       source records of each experiment, about (default 2000)
  --kill-every N    seconds between two kills, where a scenario kills (default 2)
  --seed N[,N...]   what chance is made of (default 1,2,3)
  --scenario NAME   all (default), or some, comma-separated:
${scenarios.map(({ name, summary }) => `                    ${name.padEnd(22)}${summary}`).join('\n')}
  --mutations       instead: switches each guard off in turn (epochs, leases, intents, the limiter, the key of the inbox) and holds the
                    experiment that must notice
  --mismatch        instead: changes one cell, drops one row and doubles another of so many records in the target; each
                    must be named, repaired on request, and found right afterwards

Ends with one line of JSON, and exits with 1 when a scenario was not survived, or a missing guard not noticed.`;

/** Throws an Error whose message is for a person. Undefined when only help was asked for. */
function readOptions(args: readonly string[]): ChaosOptions | undefined {
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

/** The experiment that notices each missing guard. */
const scenarioByGuard: Readonly<Record<Guard, RunnableScenario>> = {
  epoch: runnableBubbleScenario(zombieWhilePaused),
  lease: runnableBubbleScenario(costlyWork),
  intent: runnableCatalogScenario(keysForgotten),
  limiter: runnableBubbleScenario(limits),
  inbox: runnableWebhookScenario(webhooksReplayed),
};

/** A guard was switched off: did anybody notice? */
interface Mutation {
  readonly guard: Guard;
  readonly scenario: string;
  readonly seed: number;
  readonly noticed: boolean;
  /** What went wrong without it. */
  readonly problems: readonly string[];
}

/** Runs the experiment without the guard, under one seed after the other, until it fails as it must. */
async function runWithoutGuard(environment: ChaosEnvironment, guard: Guard, options: ChaosOptions): Promise<Mutation> {
  const exercise = scenarioByGuard[guard];
  const { records, killEvery } = options;
  let last: Mutation | undefined;
  for (const seed of options.seeds) {
    const { problems } = await exercise.run(environment, { records, killEvery, seed, without: guard });
    last = {
      guard,
      scenario: exercise.name,
      seed,
      noticed: problems.length > 0,
      problems: problems.map((one) => one.slice(0, 160)),
    };
    if (last.noticed) break;
  }
  return last as Mutation;
}

/** One of them, for people. */
function mutationLine({ guard, scenario, seed, noticed, problems }: Mutation): string {
  const head = `${noticed ? 'red as it must be' : 'NOT NOTICED'}: without its ${guard}, in ${scenario} (seed ${seed})`;
  return [head, ...problems.map((problem) => `     ${problem}`)].join('\n');
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) return console.log(usage);
  guardChildren();
  const folder = mkdtempSync(join(tmpdir(), 'drover-chaos-'));
  const environment = await openChaosEnvironment({ folder });
  stopOnSignals(() => environment.close());
  const hold = options.mutations ? runMutations : options.mismatch ? runMismatch : runScenarios;
  const { ok, summary } = await hold(environment, options).finally(() => environment.close());
  // What workers wrote is evidence when something went wrong.
  if (ok) rmSync(folder, { recursive: true, force: true });
  else console.log(`The workers' logs are in ${folder}.`);
  console.log(summary);
  process.exit(ok ? 0 : 1);
}

interface Outcome {
  readonly ok: boolean;
  readonly summary: string;
}

async function runScenarios(environment: ChaosEnvironment, options: ChaosOptions): Promise<Outcome> {
  const results = await runAll(environment, options);
  return { ok: results.every((result) => result.ok), summary: resultsJson(results) };
}

async function runMutations(environment: ChaosEnvironment, options: ChaosOptions): Promise<Outcome> {
  const found: Mutation[] = [];
  for (const guard of guards) {
    const mutation = await runWithoutGuard(environment, guard, options);
    console.log(mutationLine(mutation));
    found.push(mutation);
  }
  return { ok: found.every(({ noticed }) => noticed), summary: JSON.stringify({ mutations: found }) };
}

async function runMismatch(environment: ChaosEnvironment, { records }: ChaosOptions): Promise<Outcome> {
  const experiment = await runMismatchExperiment(environment, records);
  const { found, mended } = experiment;
  console.log(`${found.records} records compared in ${found.seconds} s:`);
  for (const line of [...found.differing, ...found.doubled]) console.log(`     ${line}`);
  console.log(`compared again in ${mended.seconds} s: ${mended.differing.length + mended.doubled.length} differ`);
  const wrong = mismatchProblems(experiment);
  for (const line of wrong) console.log(`FAIL ${line}`);
  return { ok: wrong.length === 0, summary: JSON.stringify({ mismatch: experiment }) };
}

async function runAll(environment: ChaosEnvironment, options: ChaosOptions): Promise<ExperimentResult[]> {
  const results: ExperimentResult[] = [];
  for (const exercise of options.scenarios) {
    for (const seed of options.seeds) {
      const result = await exercise.run(environment, { ...options, seed });
      console.log(resultLine(result));
      results.push(result);
    }
  }
  return results;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
