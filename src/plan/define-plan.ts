import { z } from 'zod';
import { DroverError } from '../errors.ts';
import type { Plan } from './contract.ts';

const identifier = /^[a-z][a-z0-9_]{0,57}$/; // 63 bytes is PostgreSQL's limit; suffixes for cutover need five

/**
 * Checks a plan's definition and returns it, so that a mistake is found when the plan is loaded instead of during a run.
 * @throws DroverError CONFIGURATION naming every problem at once.
 */
export function definePlan<P extends Plan>(plan: P): P {
  const problems = [
    ...nameProblems(plan),
    ...dependencyProblems(plan),
    ...ruleProblems(plan),
    ...cutoverProblems(plan),
  ];
  if (problems.length > 0) throw new DroverError('CONFIGURATION', `plan ${plan.name}: ${problems.join('; ')}`);
  return plan;
}

/** Entity names, parents before children. Throws CONFIGURATION on a cycle. */
export function entityOrder(plan: Plan): readonly string[] {
  const order: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (order.includes(name)) return;
    if (path.includes(name)) {
      throw new DroverError('CONFIGURATION', `plan ${plan.name}: ${[...path, name].join(' -> ')} is a cycle`);
    }
    for (const parent of plan.entities[name]?.dependsOn ?? []) visit(parent, [...path, name]);
    order.push(name);
  };
  for (const name of Object.keys(plan.entities)) visit(name, []);
  return order;
}

/** A schema of parameters for a plan that has none. */
export const noParams = z.object({}).strict();

function nameProblems(plan: Plan): string[] {
  const names = [...Object.keys(plan.entities), ...Object.values(plan.entities).map((entity) => entity.target.table)];
  return names
    .filter((name) => !identifier.test(name))
    .map((name) => `${name} must be lower-case letters, digits and underscores`);
}

function dependencyProblems(plan: Plan): string[] {
  const problems: string[] = [];
  for (const [name, entity] of Object.entries(plan.entities)) {
    for (const parent of entity.dependsOn) {
      if (!(parent in plan.entities)) problems.push(`${name} depends on ${parent}, which is not an entity`);
    }
    for (const parent of entity.readsAfter ?? []) {
      if (!entity.dependsOn.includes(parent)) problems.push(`${name} reads after ${parent}, which is not in dependsOn`);
    }
    for (const [column, { references }] of Object.entries(entity.target.columns)) {
      if (references && !entity.dependsOn.includes(references) && references !== name) {
        problems.push(`${name}.${column} references ${references}, which is not in dependsOn`);
      }
    }
  }
  return problems;
}

function ruleProblems(plan: Plan): string[] {
  return plan.rules
    .filter((rule) => !(rule.entity in plan.entities))
    .map((rule) => `rule ${rule.name} is about ${rule.entity}, which is not an entity`);
}

function cutoverProblems(plan: Plan): string[] {
  const tables = new Set(Object.values(plan.entities).map((entity) => entity.target.table));
  return Object.keys(plan.cutover?.tables ?? {})
    .filter((table) => !tables.has(table))
    .map((table) => `cutover names ${table}, which is not a table of the plan`);
}
