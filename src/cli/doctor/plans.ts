import type { PlanView } from '../answers.ts';
import { type Finding, okFinding, problemFinding, warningFinding } from './finding.ts';

/** Whether there are plans, and how the settings each of them reads are where the service runs. */
export function planFindings(plans: readonly PlanView[]): Finding[] {
  if (plans.length === 0)
    return [problemFinding('plans', 'the service knows none', 'Write one: npm run new-plan NAME')];
  return plans.flatMap((plan) => [okFinding('plan', `${plan.name}@${plan.version}`), ...settingFindings(plan)]);
}

/** A setting that is absent may belong to a source nobody uses here; one that is wrong is wrong. */
function settingFindings({ name: plan, settings = [] }: PlanView): Finding[] {
  return settings.flatMap(({ name, set, problem: fault, description }) => {
    if (fault !== null)
      return [problemFinding('plan', `${plan}: ${name}: ${fault}`, `Correct ${name} where the service runs.`)];
    if (set) return [];
    return [
      warningFinding(
        'plan',
        `${plan}: ${name} is not set`,
        `If the plan needs it, set it for the service: ${description}`,
      ),
    ];
  });
}
