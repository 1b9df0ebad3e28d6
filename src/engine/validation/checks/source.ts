import { entityCounts } from '../../progress/entity-progress.ts';
import type { Check } from '../check.ts';
import { createCheck } from '../check.ts';

/** The source gave as many records as it says it holds, and it was read to its end. */
export const checkSource: Check = async ({ deps, run, entity, extraction }) => {
  const { extracted } = entityCounts(entity, await deps.ledger.actualCounts(run.id));
  const { sourceTotal, status } = extraction;
  const says = sourceTotal === null ? 'does not say how many it holds' : `says it holds ${sourceTotal}`;
  const description = `All ${entity} of the source were read: it ${says}, ${extracted} were extracted${describeExtractionProblem(extraction)}`;
  const short = Math.max(0, (sourceTotal ?? 0) - extracted);
  const ok = status === 'done' && short === 0 && extraction.errorCode === null;
  // Nobody can name a record that was never given.
  const check = createCheck({ name: 'source-count', entity, description, ok }, extracted, []);
  return [{ ...check, violations: short }];
};

function describeExtractionProblem(extraction: {
  status: string;
  errorCode: string | null;
  errorMessage: string | null;
}): string {
  if (extraction.errorCode !== null) return ` (${extraction.errorCode}: ${extraction.errorMessage ?? ''})`;
  return extraction.status === 'done' ? '' : ` (its extraction is ${extraction.status})`;
}
