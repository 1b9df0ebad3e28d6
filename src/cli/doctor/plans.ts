import type { PlanView } from '../answers.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Whether there are plans, and whether the settings each of them reads are in order where the service says so. */
export function planFindings(plans: readonly PlanView[]): Finding[] {
  if (plans.length === 0) return [problem('plans', 'the service knows none', 'Write one: npm run new-plan NAME')];
  return plans.map((plan) => {
    const problems = plan.problems ?? [];
    if (problems.length === 0) return ok('plan', `${plan.name}@${plan.version}`);
    // A plan nobody uses here may well lack its settings.
    return warning(
      'plan',
      `${plan.name}: ${problems.join('; ')}`,
      'Give the service these variables to run this plan.',
    );
  });
}
