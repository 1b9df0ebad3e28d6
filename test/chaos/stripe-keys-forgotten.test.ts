import { afterAll, beforeAll, expect, test } from 'vitest';
import { runnableCatalogScenario } from './catalog.ts';
import type { ChaosEnvironment } from './environment.ts';
import { keysForgotten } from './scenarios/stripe.ts';
import { openTestEnvironment, runScenario } from './test-environment.ts';

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('stripe-answers');
});
afterAll(() => environment.close());

// The first half of it is what `npm run chaos` holds as created-then-dropped.
test('lost responses and forgotten keys', { timeout: 400_000 }, async () => {
  const result = await runScenario(environment, runnableCatalogScenario(keysForgotten), 30);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
