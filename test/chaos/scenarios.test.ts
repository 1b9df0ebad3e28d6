import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosEnvironment } from './environment.ts';
import { flushedWhilePaused, operators } from './scenarios/operators.ts';
import { postgresCrashed } from './scenarios/postgres.ts';
import { hostileIds } from './scenarios/upstream.ts';
import { frozenLeader, zombie } from './scenarios/workers.ts';
import { openTestEnvironment, runBubbleScenario } from './test-environment.ts';

// What `npm run chaos` does at length, in small: enough records that every fault finds some in flight.
const records = 600;

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('night', { ownPostgres: true });
});
afterAll(() => environment.close());

const scenarios = [zombie, frozenLeader, flushedWhilePaused, postgresCrashed, operators, hostileIds];

test.each(scenarios)('$name', { timeout: 400_000 }, async (scenario) => {
  const result = await runBubbleScenario(environment, scenario, records);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
