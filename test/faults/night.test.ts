import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosEnvironment } from '../../scripts/chaos/ground.ts';
import { flushedWhilePaused } from '../../scripts/chaos/scenarios/flushed-while-paused.ts';
import { frozenLeader } from '../../scripts/chaos/scenarios/frozen-leader.ts';
import { hostileIds } from '../../scripts/chaos/scenarios/hostile-ids.ts';
import { operators } from '../../scripts/chaos/scenarios/operators.ts';
import { postgresCrashed } from '../../scripts/chaos/scenarios/postgres-crashed.ts';
import { zombie } from '../../scripts/chaos/scenarios/zombie.ts';
import { openTestEnvironment, runBubbleScenario } from './drill.ts';

// What `npm run chaos` does at length, in small: enough records that every fault finds some in flight.
const records = 600;

let ground: ChaosEnvironment;
beforeAll(async () => {
  ground = await openTestEnvironment('night', { ownPostgres: true });
});
afterAll(() => ground.close());

const scenarios = [zombie, frozenLeader, flushedWhilePaused, postgresCrashed, operators, hostileIds];

test.each(scenarios)('$name', { timeout: 150_000 }, async (scenario) => {
  const result = await runBubbleScenario(ground, scenario, records);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
