import type { Forecast, TrialView } from '../control/contract.ts';
import { wilsonInterval } from './wilson.ts';

/** Code of a record that a trial skips because what it lacks may be a record that was left out. */
export const notJudgedCode = 'NOT_JUDGED';

/** How a trial went for one entity. */
export interface TrialCount {
  readonly entity: string;
  /** Settled records whose fate says something about the others. */
  readonly judged: number;
  readonly rejected: number;
  /** Settled records that lack what the trial may only have left out. */
  readonly unjudged: number;
}

/** Pure: what a trial predicts. */
export function forecast(n: number, entities: readonly string[], counts: readonly TrialCount[]): TrialView {
  const perEntity = entities.map((entity): [string, Forecast] => {
    const { judged = 0, rejected = 0, unjudged = 0 } = counts.find((count) => count.entity === entity) ?? {};
    return [
      entity,
      { judged, unjudged, rejectRate: judged === 0 ? 0 : rejected / judged, ...wilsonInterval(rejected, judged) },
    ];
  });
  return { n, perEntity: Object.fromEntries(perEntity) };
}

/** `2.0 % (0.5 % to 7.0 %, 98 judged)`, for summaries. */
export function forecastText({ rejectRate, low, high, judged, unjudged }: Forecast): string {
  // Forecasts of earlier versions do not have it.
  const rest = unjudged ? `${unjudged} lack records the trial left out` : '';
  if (judged === 0) return `nothing to judge by${rest && ` (${rest})`}`;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return `${percent(rejectRate)} rejected (${percent(low)} to ${percent(high)} of all, with 95 % confidence; ${judged} judged${rest && `, ${rest}`})`;
}
