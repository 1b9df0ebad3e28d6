import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogMove } from '../../scripts/chaos/catalog/hold.ts';
import type { Ground } from '../../scripts/chaos/ground.ts';
import { keysForgotten } from '../../scripts/chaos/scenarios/keys-forgotten.ts';
import { exercise, testGround } from './drill.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await testGround('stripe-answers');
});
afterAll(() => ground.close());

// The first half of it is what `npm run chaos` holds as created-then-dropped.
test('answers that are lost, and keys that are forgotten', { timeout: 120_000 }, async () => {
  const result = await exercise(ground, catalogMove(keysForgotten), 30);
  expect(result.problems).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, ok: true });
});
