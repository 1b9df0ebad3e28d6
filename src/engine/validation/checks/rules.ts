import type { Rule } from '../../../plan/contract.ts';
import { identifier } from '../../../plan/sql.ts';
import type { ValidationCheck } from '../../control/contract.ts';
import { type Check, type CheckContext, createCheck, reportSchemaErrors } from '../check.ts';

/** The plan's own rules, over every row it loaded in this run or an earlier one. */
export const checkRules: Check = async (context) => {
  const checks: ValidationCheck[] = [];
  for (const rule of context.plan.rules)
    if (rule.entity === context.entity) checks.push(await checkRule(context, rule));
  return checks;
};

function checkRule({ deps, entity, place }: CheckContext, rule: Rule): Promise<ValidationCheck> {
  const { name, severity, description } = rule;
  const of = { name, entity, severity, description };
  return reportSchemaErrors(of, async () => {
    // A function, because a replacement text with `$&` in it would be read as a pattern.
    const condition = rule.violates.replaceAll('{schema}', () => identifier(place.schema));
    return createCheck(of, await deps.target.countOwned(place), await deps.target.findViolations(place, condition));
  });
}
