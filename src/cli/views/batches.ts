import type { RunView } from '../answers.ts';

/** How many records travel together. */
export function batchSizeText({ batchSize, batchSizes }: RunView): string {
  if (batchSize !== 'auto') return `${batchSize} records a job`;
  const now = Object.entries(batchSizes).map(([stage, size]) => `${stage} ${size}`);
  return `as many records a job as its workers are quick with (now ${now.join(', ')})`;
}
