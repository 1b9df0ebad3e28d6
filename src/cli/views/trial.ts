import type { RunView, TrialView } from '../answers.ts';

/** What a trial predicts, an entity a line. */
export function trialLines({ perEntity }: TrialView): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return Object.entries(perEntity)
    .map(([name, { judged, unjudged, rejectRate, low, high }]) => {
      const rest = unjudged > 0 ? `${unjudged} lack records the trial left out` : '';
      if (judged === 0) return `  ${name}: nothing to judge by${rest && ` (${rest})`}`;
      const counted = `${judged} judged${rest && `, ${rest}`}`;
      return `  ${name}: ${percent(rejectRate)} rejected, between ${percent(low)} and ${percent(high)} (${counted})`;
    })
    .join('\n');
}

/** What a trial or a dry run cannot tell of entities that are made of rows in the target, and what can. */
export function derivedNote({ plan, targetSchema, trial, dryRun, derived }: RunView): string[] {
  if (derived.length === 0) return [];
  const names = derived.join(', ');
  const whole = `drover run ${plan} --target-schema ${plan}_rehearsal --wait`;
  if (trial)
    return [
      `${names}: made of the rows this trial loaded, so how many there are, and what they are worth, it cannot tell;`,
      `how they fare it can, where what they are made of was among them. Everything: ${whole}`,
    ];
  return dryRun
    ? [
        `${names}: made of the rows that schema ${targetSchema} holds from earlier runs; a dry run writes none, so of what`,
        `it would add it cannot tell. How they would fare: --trial N instead of --dry-run. Everything: ${whole}`,
      ]
    : [];
}
