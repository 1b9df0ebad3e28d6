import { parseArgs } from 'node:util';
import { InvalidPlanName, makePlan } from './new-plan/make-plan.ts';
import { checkoutRoot } from './stack/checkout.ts';

const help = `Usage: npm run new-plan NAME

Makes a small plan that works: contacts from a CSV file into a table, with its fixture for the
conformance suite and a test. NAME is lower-case letters, digits and hyphens: it names the folder
under src/plans, the plan, and the schema it loads into.

  -- --help   this text`;

function main(): number {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true });
  const [name] = positionals;
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (name === undefined || positionals.length > 1) throw new InvalidPlanName(`Give one name.\n\n${help}`);
  const files = makePlan(name, checkoutRoot());
  console.log(`Made the plan ${name}:\n${files.map((file) => `  ${file}`).join('\n')}

Next: npx vitest run test/conformance test/plans/${name}
      docs/writing-a-plan.md says what each part is for.`);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
