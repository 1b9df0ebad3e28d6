import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { type Catalog, operator, startCatalog } from '../helpers/catalog-drover.ts';
import { rollBackAndWait } from '../helpers/roll-back.ts';

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 300_000 });

const products = 40;
const key = 'admin.a-secret-for-tests-of-32-characters';
let catalog: Catalog;

beforeAll(async () => {
  catalog = await startCatalog({ supabase: { products } });
});
afterAll(() => catalog.close());

test('an API process killed in the middle of a rollback leaves it interrupted, and another goes on from there', async () => {
  const { stripe, supabase, control } = catalog;
  await catalog.work();
  const run = await catalog.run();
  stripe.faults.set([{ fault: 'slow', delayMs: 200 }]);
  const { child, url } = await startProcess();
  const asked = await fetch(`${url}/api/v1/runs/${run.id}/rollback`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'a test' }),
  });
  expect(asked.status).toBe(202);
  while ((await control.rollbackStatus(run.id)).done < 15) await sleep(20);
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;

  const left = await vi.waitFor(async () => {
    const view = await control.rollbackStatus(run.id);
    expect(view.status).toBe('interrupted');
    return view;
  });
  expect(left.done).toBeLessThan(3 * products);
  stripe.faults.set([]);
  const done = await rollBackAndWait(control, run.id, operator);
  expect(done).toMatchObject({ status: 'done', done: 3 * products, conflicts: [] });
  expect(stripe.data.all('product').some(({ active }) => active)).toBe(false);
  expect(stripe.data.all('price').some(({ active }) => active)).toBe(false);
  const rows = supabase.data.ids('products').map((id) => supabase.data.get('products', id));
  expect(rows.every((row) => row?.sync_status === 'pending' && row.stripe_product_id === null)).toBe(true);
  expect((await control.run(run.id)).rolledBackAt).not.toBeNull();
});

/** The API in a process of its own, on a port it says. */
async function startProcess() {
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn(process.execPath, nodeArgs('src/api/server.ts'), {
    cwd: checkoutRoot(),
    env: {
      ...catalog.env,
      ...{ PATH: process.env.PATH ?? '', PORT: String(port), DROVER_ADMIN_KEY: key, LOG_LEVEL: 'warn' },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!said.includes('Drover API:')) {
    if (child.exitCode !== null) throw new Error(`the API ended: ${said}`);
    await sleep(50);
  }
  return { child, url: `http://127.0.0.1:${port}` };
}
