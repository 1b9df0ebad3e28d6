import type { Sums } from '../../../src/sandbox/bubble/data/generate.ts';
import type { Probe } from '../probe.ts';
import { checkBalance } from './balance.ts';
import type { Expectation } from './expectation.ts';
import { combineFindings, type Finding } from './finding.ts';
import { checkLedger } from './ledger.ts';
import { checkRows } from './rows.ts';
import { checkSums } from './sums.ts';

/**
 * What came of a run, by plain SQL against what the sandbox knows of its data. The oracle imports nothing of the engine:
 * an error they shared would not be seen.
 */
export async function checkBubbleRun(
  probe: Probe,
  run: { readonly id: string; readonly schema: string },
  expectation: Expectation,
  sums: Sums,
): Promise<Finding> {
  return combineFindings([
    await checkLedger(probe, run.id, expectation),
    await checkRows(probe, run.id, run.schema, expectation),
    await checkSums(probe, run.schema, sums),
    await checkBalance(probe, run.id),
  ]);
}
