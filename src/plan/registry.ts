import { readdir } from 'node:fs/promises';
import { DroverError } from '../errors.ts';
import type { Plan } from './contract.ts';

/** The plans of this installation, by name. */
export interface PlanRegistry {
  names(): readonly string[];
  all(): readonly Plan[];
  /** The plan of that name. Throws CONFIGURATION listing the existing plans. */
  get(name: string): Plan;
}

const plansFolder = new URL('../plans/', import.meta.url);

// This file runs as .ts under tsx and as .js when built; so do the plans.
const index = `index${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;

/**
 * Loads every plan: each folder of `src/plans` is one, so a new plan changes no other file.
 * @throws DroverError CONFIGURATION when a folder contains no plan, or one of another name.
 */
export async function loadPlans(folder: URL = plansFolder): Promise<PlanRegistry> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const plans = await Promise.all(names.sort().map((name) => loadPlan(name, new URL(`${name}/${index}`, folder))));
  return createRegistry(plans);
}

/** A registry of the plans given. */
export function createRegistry(plans: readonly Plan[]): PlanRegistry {
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  return {
    names: () => [...byName.keys()],
    all: () => [...byName.values()],
    get(name) {
      const plan = byName.get(name);
      if (plan !== undefined) return plan;
      throw new DroverError('CONFIGURATION', `there is no plan ${JSON.stringify(name)}`, {
        remedy: `Use one of the existing plans: ${[...byName.keys()].join(', ') || 'none yet'}.`,
      });
    },
  };
}

async function loadPlan(folder: string, file: URL): Promise<Plan> {
  const plan = asPlan(await importFrom(file, folder));
  if (plan === undefined) throw invalidPlan(folder, `its ${index} has no plan as its default export`);
  if (plan.name !== folder) throw invalidPlan(folder, `its plan is called ${plan.name}; both need the same name`);
  return plan;
}

async function importFrom(file: URL, folder: string): Promise<{ default?: unknown }> {
  try {
    return (await import(file.href)) as { default?: unknown };
  } catch (cause) {
    if (cause instanceof DroverError) throw cause;
    throw invalidPlan(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function asPlan({ default: plan }: { default?: unknown }): Plan | undefined {
  const isPlan = typeof plan === 'object' && plan !== null && 'name' in plan && 'entities' in plan;
  return isPlan ? (plan as Plan) : undefined;
}

function invalidPlan(folder: string, why: string, cause?: unknown): DroverError {
  return new DroverError('CONFIGURATION', `the folder src/plans/${folder} cannot be loaded: ${why}`, {
    cause,
    remedy: 'Correct the plan, or remove its folder from src/plans.',
  });
}
