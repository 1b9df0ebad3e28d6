import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosEnvironment } from './environment.ts';
import { redisFlushed, redisReplaced } from './scenarios/redis.ts';
import { openTestEnvironment, runBubbleScenario } from './test-environment.ts';

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('redis-emptied');
});
afterAll(() => environment.close());

test.each([redisFlushed, redisReplaced])(
  '$name: costs time and nothing else',
  { timeout: 400_000 },
  async (scenario) => {
    const result = await runBubbleScenario(environment, scenario, 2_000);
    expect(result.problems).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
  },
);
