import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import { type Drover, operator, startDrover } from '../../helpers/drover.ts';

let sandbox: BubbleSandbox;
let drover: Drover;
beforeAll(async () => {
  sandbox = await startBubbleSandbox({ users: 40 });
  const { data } = sandbox;
  // More hashes than one thread computes while all other records are loaded.
  for (const id of data.ids('user').slice(0, 24)) data.modify('user', id, { password: `secret of ${id}` });
  drover = await startDrover('bubble', {
    BUBBLE_API_URL: sandbox.url,
    BUBBLE_API_KEY: sandbox.apiKey,
    DROVER_HASH_THREADS: '1',
  });
});
afterAll(async () => {
  await drover?.close();
  await sandbox?.close();
});

test('users whose password is being hashed delay only the records that reference them', async () => {
  const { id } = await drover.control.startRun({ plan: 'bubble', targetSchema: 'hashing' }, operator);
  const state = async () => {
    const [row] = await drover.rows(
      `SELECT count(*) FILTER (WHERE status = 'pending' AND code = 'WAITING_FOR_POOL')::int AS hashing,
         count(DISTINCT entity) FILTER (WHERE status = 'reconciled')::int AS "reconciledEntities"
       FROM drover.records WHERE run_id = $1`,
      id,
    );
    return row as { hashing: number; reconciledEntities: number };
  };
  // Users without a password, and records that reference them, are done while others still wait for the pool.
  let seen = await state();
  await expect
    .poll(
      async () => {
        seen = await state();
        return seen.reconciledEntities;
      },
      { timeout: 50_000, interval: 20 },
    )
    .toBeGreaterThanOrEqual(3);
  expect(seen.hashing).toBeGreaterThan(0);
  const run = await drover.settled(id);
  expect(run.balanced).toBe(true);
  expect(run.entities.users).toMatchObject({ extracted: sandbox.manifest.types.user.total });
  expect(run.entities.users).toMatchObject(sandbox.manifest.types.user.outcomes);
  expect(run.entities.bookings).toMatchObject(sandbox.manifest.types.booking.outcomes);
  expect(run.entities.payments).toMatchObject(sandbox.manifest.types.payment.outcomes);
}, 120_000);
