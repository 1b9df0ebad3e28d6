import type { PlanView } from '../../contract/fleet.ts';
import type { List } from '../api-types.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable, type Paint } from '../format.ts';

export const plans: DefineCommand = (program, action) => {
  program
    .command('plans [plan]')
    .description('list the plans, or show one with its entities and steps')
    .addHelpText('after', examples('plans', 'plans bubble'))
    .action(
      action(async ({ api, out }, _options: object, name: string | undefined) => {
        if (name !== undefined) {
          const plan = await api.get<PlanView>(pathOf`/plans/${name}`);
          out.answer(plan, (safe) => planDetails(safe, out.paint));
          return exitCodes.green;
        }
        const answer = await api.get<List<PlanView>>('/plans');
        out.answer(answer, (safe) =>
          formatTable(
            safe.items,
            [
              { title: 'plan', value: (plan) => plan.name },
              { title: 'version', value: (plan) => plan.version },
              { title: 'title', value: (plan) => plan.title },
            ],
            out.paint,
          ),
        );
        return exitCodes.green;
      }),
    );
};

/** A plan with its names for `--only`, its parameters for `--param`, and its validation rules. */
function planDetails(plan: PlanView, paint: Paint): string {
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', paint(title, 'bold'), ...lines.map((line) => `  ${line}`)];
  const needs = (names: readonly string[]): string => (names.length > 0 ? `, after ${names.join(' and ')}` : '');
  return [
    `${paint(plan.name, 'bold')}@${plan.version}: ${plan.title}`,
    plan.description,
    ...section(
      'entities',
      plan.entities.map((entity) => `${entity.name}: ${entity.title}${needs(entity.dependsOn)}`),
    ),
    ...section(
      'steps',
      Object.entries(plan.steps).map(([step, names]) => `${step}: ${names.join(', ')}`),
    ),
    ...section('parameters', parameters(plan.params)),
    ...section(
      'rules',
      plan.rules.map((rule) => `${rule.name} (${rule.entity}, ${rule.severity}): ${rule.description}`),
    ),
    ...section('upstreams', plan.upstreams),
  ].join('\n');
}

/** Names and types from a JSON Schema; `--json` prints the complete schema. */
function parameters(schema: PlanView['params']): string[] {
  const properties = schema.properties;
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties as Record<string, { type?: unknown; description?: unknown }>).map(
    ([name, { type, description }]) =>
      `${name}${typeof type === 'string' ? ` (${type})` : ''}${typeof description === 'string' ? `: ${description}` : ''}`,
  );
}
