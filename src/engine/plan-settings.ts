import { DroverError } from '../errors.ts';
import type { Plan } from '../plan/contract.ts';

type Settings = Readonly<Record<string, string | undefined>>;

/** What a plan reads of the environment. Throws CONFIGURATION naming every setting that is wrong. */
export function planSettings(plan: Plan, environment: Settings): Settings {
  const settings = plan.settings.safeParse(environment);
  if (settings.success) return settings.data;
  const problems = settings.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new DroverError('CONFIGURATION', `settings of plan ${plan.name}: ${problems}`);
}
