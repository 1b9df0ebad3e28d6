import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from './chaos/ending.ts';
import { type Ground, openGround } from './chaos/ground.ts';
import { holdMismatch, wrongIn } from './chaos/mismatch.ts';
import { guards } from './chaos/mutants/index.ts';
import { holdWithout, type Mutation, mutationLine } from './chaos/mutations.ts';
import { type ChaosOptions, help, readOptions } from './chaos/options.ts';
import { lineOf, summaryOf } from './chaos/report.ts';
import { guardChildren } from './stack/guard.ts';
import { stopOnSignals } from './stack/signals.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) return console.log(help);
  guardChildren();
  const folder = mkdtempSync(join(tmpdir(), 'drover-chaos-'));
  const ground = await openGround({ folder });
  stopOnSignals(() => ground.close());
  const hold = options.mutations ? mutate : options.mismatch ? compare : survive;
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

async function survive(ground: Ground, options: ChaosOptions): Promise<Outcome> {
  const results = await holdAll(ground, options);
  return { ok: results.every((result) => result.ok), summary: summaryOf(results) };
}

async function mutate(ground: Ground, options: ChaosOptions): Promise<Outcome> {
  const found: Mutation[] = [];
  for (const guard of guards) {
    const mutation = await holdWithout(ground, guard, options);
    console.log(mutationLine(mutation));
    found.push(mutation);
  }
  return { ok: found.every(({ noticed }) => noticed), summary: JSON.stringify({ mutations: found }) };
}

async function compare(ground: Ground, { records }: ChaosOptions): Promise<Outcome> {
  const drill = await holdMismatch(ground, records);
  const { found, mended } = drill;
  console.log(`${found.records} records compared in ${found.seconds} s:`);
  for (const line of [...found.differing, ...found.doubled]) console.log(`     ${line}`);
  console.log(`compared again in ${mended.seconds} s: ${mended.differing.length + mended.doubled.length} differ`);
  const wrong = wrongIn(drill);
  for (const line of wrong) console.log(`FAIL ${line}`);
  return { ok: wrong.length === 0, summary: JSON.stringify({ mismatch: drill }) };
}

async function holdAll(ground: Ground, options: ChaosOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const exercise of options.exercises) {
    for (const seed of options.seeds) {
      const result = await exercise.hold(ground, { ...options, seed });
      console.log(lineOf(result));
      results.push(result);
    }
  }
  return results;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
