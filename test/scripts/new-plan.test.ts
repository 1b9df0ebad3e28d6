import { type ExecFileException, execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { makePlan } from '../../scripts/new-plan/make-plan.ts';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';

// A copy of the checkout, because a plan is found by its folder being there, also by the tests that run beside this one.
const copy = join(inject('testFolder'), 'new-plan');
// The copy compiles itself: it has a plan more than the checkout.
const { CHECKOUT_COMPILED_TO: _, ...inherited } = process.env;
const env = { ...inherited, TEST_DATABASE_URL: inject('postgresUrl'), TEST_REDIS_URL: inject('redisUrl') };

beforeAll(() => {
  mkdirSync(copy, { recursive: true });
  const parts = ['src', 'db', 'queues', 'workers', 'scripts', 'test', 'package.json', 'tsconfig.json', 'biome.json'];
  for (const part of [...parts, 'tsconfig.compiled.json', 'vitest.config.ts']) {
    cpSync(join(checkoutRoot(), part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(checkoutRoot(), 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Exit code and everything said. */
function run(command: string, ...args: string[]): Promise<{ code: number; said: string }> {
  return runProgram(join(copy, 'node_modules/.bin', command), ...args);
}

function runProgram(file: string, ...args: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, out: string, err: string) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: out + err });
    execFile(file, args, { cwd: copy, env, maxBuffer: 1e8 }, done);
  });
}

const lint = (files: readonly string[]) =>
  run('biome', 'check', '--error-on-warnings', '--vcs-enabled=false', ...files);
const newPlan = (...args: string[]) => runProgram(process.execPath, 'scripts/run.mjs', 'scripts/new-plan.ts', ...args);

test('prints its usage', async () => {
  expect(await newPlan('--help')).toMatchObject({ code: 0, said: expect.stringContaining('Usage: npm run new-plan') });
  expect(await newPlan()).toMatchObject({ code: 2, said: expect.stringContaining('Give one name.') });
});

test.each([
  ['My Plan', 'Try my-plan.'],
  ['../escape', 'Try escape.'],
  ['9', 'beginning with a letter'],
  ['drover', 'Take another name.'],
  ['pg-catalog', 'Take another name.'],
  ['bubble', 'src/plans/bubble is there already. Take another name, or remove it first.'],
])('refuses %j with the remedy', (name, remedy) => {
  expect(() => makePlan(name, copy)).toThrow(remedy);
});

test('generated files pass the linter with any name', async () => {
  const files = ['x', `a${'-bc'.repeat(13)}`].flatMap((name) => makePlan(name, copy));
  expect(await lint(files)).toMatchObject({ code: 0 });
  for (const file of files) rmSync(join(copy, file));
  for (const file of files.filter((path) => /^(src|test)\/plans\//.test(path)))
    rmSync(dirname(join(copy, file)), { recursive: true });
});

test('makes a plan that passes types, lint, its own test and conformance', async () => {
  expect(await newPlan('crm-contacts')).toMatchObject({ code: 0 });
  const files = [
    'src/plans/crm-contacts/index.ts',
    'test/conformance/crm-contacts.fixture.ts',
    'test/conformance/crm-contacts.sources.ts',
    'test/plans/crm-contacts/plan.test.ts',
  ];
  for (const file of files) expect(existsSync(join(copy, file)), file).toBe(true);
  expect(await newPlan('crm-contacts')).toMatchObject({ code: 2, said: expect.stringContaining('is there already') });

  writeFileSync(join(copy, 'tsconfig.new.json'), JSON.stringify({ extends: './tsconfig.json', include: files }));
  expect(await run('tsc', '--noEmit', '-p', 'tsconfig.new.json')).toEqual({ code: 0, said: '' });
  expect(await lint(files)).toMatchObject({ code: 0 });
  const suite = [
    'test/conformance/plans.test.ts',
    'test/conformance/metamorphic.test.ts',
    'test/plans/crm-contacts/plan.test.ts',
    'test/project/layers.test.ts',
  ];
  const tests = await run('vitest', 'run', '-t', 'crm-contacts|layers', ...suite);
  expect(tests.code, tests.said).toBe(0);
  expect(tests.said).toMatch(/a rollback restores the contents/);
}, 180_000);
