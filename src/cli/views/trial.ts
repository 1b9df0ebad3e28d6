import type { TrialView } from '../answers.ts';

/** What a trial predicts, an entity a line. */
export function trialLines({ perEntity }: TrialView): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return Object.entries(perEntity)
    .map(([name, { judged, rejectRate, low, high }]) =>
      judged === 0
        ? `  ${name}: nothing to judge by`
        : `  ${name}: ${percent(rejectRate)} rejected, between ${percent(low)} and ${percent(high)} (${judged} judged)`,
    )
    .join('\n');
}
