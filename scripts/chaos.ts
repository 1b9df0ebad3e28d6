import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExperimentResult } from './chaos/ending.ts';
import { type ChaosEnvironment, openChaosEnvironment } from './chaos/ground.ts';
import { mismatchProblems, runMismatchExperiment } from './chaos/mismatch.ts';
import { guards } from './chaos/mutants/index.ts';
import { type Mutation, mutationLine, runWithoutGuard } from './chaos/mutations.ts';
import { type ChaosOptions, readOptions, usage } from './chaos/options.ts';
import { resultLine, resultsJson } from './chaos/report.ts';
import { guardChildren } from './stack/guard.ts';
import { stopOnSignals } from './stack/signals.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) return console.log(usage);
  guardChildren();
  const folder = mkdtempSync(join(tmpdir(), 'drover-chaos-'));
  const ground = await openChaosEnvironment({ folder });
  stopOnSignals(() => ground.close());
  const hold = options.mutations ? runMutations : options.mismatch ? runMismatch : runScenarios;
  const { ok, summary } = await hold(ground, options).finally(() => ground.close());
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
  const drill = await runMismatchExperiment(environment, records);
  const { found, mended } = drill;
  console.log(`${found.records} records compared in ${found.seconds} s:`);
  for (const line of [...found.differing, ...found.doubled]) console.log(`     ${line}`);
  console.log(`compared again in ${mended.seconds} s: ${mended.differing.length + mended.doubled.length} differ`);
  const wrong = mismatchProblems(drill);
  for (const line of wrong) console.log(`FAIL ${line}`);
  return { ok: wrong.length === 0, summary: JSON.stringify({ mismatch: drill }) };
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
