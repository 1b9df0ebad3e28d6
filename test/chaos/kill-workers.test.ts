import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosEnvironment } from './environment.ts';
import { killWorkers } from './scenarios/workers.ts';
import { openTestEnvironment, runBubbleScenario } from './test-environment.ts';

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('kill-workers');
});
afterAll(() => environment.close());

test('a worker killed every two seconds loses nothing and doubles nothing', { timeout: 400_000 }, async () => {
  const result = await runBubbleScenario(environment, killWorkers, 2_000);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
  expect(result.kills).toBeGreaterThan(0);
});
