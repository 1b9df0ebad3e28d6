import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogMove } from '../../scripts/chaos/catalog/hold.ts';
import type { Ground } from '../../scripts/chaos/ground.ts';
import { createdThenDropped } from '../../scripts/chaos/scenarios/created-then-dropped.ts';
import { keysForgotten } from '../../scripts/chaos/scenarios/keys-forgotten.ts';
import { exercise, testGround } from './drill.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await testGround('stripe-answers');
});
afterAll(() => ground.close());

test.each([createdThenDropped, keysForgotten].map(catalogMove))('$name', { timeout: 120_000 }, async (held) => {
  const result = await exercise(ground, held, 60);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
