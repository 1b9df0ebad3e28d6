import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What was asked for cannot be made; the message says what to do instead. */
export class InvalidPlanName extends Error {}

const pattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const maxLength = 40;
// Schemas of PostgreSQL's and of our own; a plan loads into a schema of its name.
const reservedNames = /^(drover|public|information-schema|pg)(-|$)/;

/**
 * Writes the folder of a new plan, its fixture and its test, and answers their paths.
 * @throws WrongName when the name will not do, or when one of the files is there already; nothing is written then.
 */
export function makePlan(name: string, root: string): readonly string[] {
  assertName(name);
  const files = [
    ['index.ts.txt', `src/plans/${name}/index.ts`],
    ['fixture.ts.txt', `test/conformance/${name}.fixture.ts`],
    ['sources.ts.txt', `test/conformance/${name}.sources.ts`],
    ['test.ts.txt', `test/plans/${name}/plan.test.ts`],
  ] as const;
  const there = [`src/plans/${name}`, ...files.map(([, path]) => path)].find((path) => existsSync(join(root, path)));
  if (there) throw new InvalidPlanName(`${there} is there already. Take another name, or remove it first.`);
  for (const [template, path] of files) {
    const text = readFileSync(new URL(template, import.meta.url), 'utf8');
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), fillTemplate(text, name));
  }
  return files.map(([, path]) => path);
}

function assertName(name: string): void {
  if (!pattern.test(name) || name.length > maxLength) {
    const rule = `lower-case letters, digits and single hyphens, beginning with a letter, ${maxLength} characters at most`;
    const suggestion = suggestName(name);
    throw new InvalidPlanName(
      `${JSON.stringify(name)} is no name for a plan: ${rule}.${suggestion && ` Try ${suggestion}.`}`,
    );
  }
  if (reservedNames.test(name))
    throw new InvalidPlanName(`${name} is a schema of PostgreSQL's or Drover's own. Take another name.`);
}

/** What the name would be if it kept the rule; empty when nothing is left of it. */
function suggestName(name: string): string {
  const words = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  const suggestion = words.join('-').slice(0, maxLength).replace(/-$/, '');
  return pattern.test(suggestion) ? suggestion : '';
}

function fillTemplate(template: string, name: string): string {
  const words = name.split('-');
  const title = words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join(' ');
  const values: Record<string, string> = { name, title, VARIABLE: `${words.join('_').toUpperCase()}_CSV` };
  return template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => String(values[key]));
}
