import type { PlanView } from '../answers.ts';
import type { Paint } from '../colour.ts';

/** A plan with what `--only`, `--param` and the rules of its validation can name. */
export function planDetails(plan: PlanView, paint: Paint): string {
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

/** Names and kinds from a JSON Schema; the whole of it is in the --json answer. */
function parameters(schema: PlanView['params']): string[] {
  const properties = schema.properties;
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties as Record<string, { type?: unknown; description?: unknown }>).map(
    ([name, { type, description }]) =>
      `${name}${typeof type === 'string' ? ` (${type})` : ''}${typeof description === 'string' ? `: ${description}` : ''}`,
  );
}
