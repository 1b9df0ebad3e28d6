import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosEnvironment } from './environment.ts';
import { killedAtSteps } from './scenarios/workers.ts';
import { openTestEnvironment, runBubbleScenario } from './test-environment.ts';

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('killed-at-steps');
});
afterAll(() => environment.close());

test('workers that die before or after any step lose nothing and double nothing', { timeout: 400_000 }, async () => {
  const result = await runBubbleScenario(environment, killedAtSteps, 300);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
