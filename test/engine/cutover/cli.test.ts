import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CutoverForecast, CutoverView } from '../../../src/contract/cutover.ts';
import type { Role } from '../../../src/contract/runs.ts';
import { type CommandResult, runDrover } from '../../helpers/cli.ts';
import { type CutoverShop, startCutoverShop } from './shop.ts';

let shop: CutoverShop;
let url: string;
beforeAll(async () => {
  shop = await startCutoverShop();
  url = await shop.service.app.listen({ host: '127.0.0.1', port: 0 });
  await shop.load('shop', ['a']);
  await shop.validate(await shop.load('shop_staging', ['a', 'b']));
});
afterAll(() => shop.stop());

const as = (role: Role, args: readonly string[], ask?: (question: string) => Promise<string>): Promise<CommandResult> =>
  runDrover(url, args, { env: { DROVER_TOKEN: shop.service.keys[role] }, ...(ask ? { ask } : {}) });
const reason = ['--reason', 'because'] as const;

describe('drover cutover', () => {
  it('prints what becomes of every object, and the SQL', async () => {
    const ran = await as('operator', ['cutover', 'shop', ...reason, '--dry-run']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^cutover of shop: it can be done; nothing was changed/);
    expect(ran.stdout).toContain('app.orders orders_customer: re-pointed to the new shop.customers');
    expect(ran.stdout).toContain('ALTER TABLE "shop_staging"."customers" SET SCHEMA "shop";');
    const json = await as('operator', ['cutover', 'shop', ...reason, '--dry-run', '--json']);
    expect(json.json<{ dryRun: boolean } & CutoverForecast>()).toMatchObject({ dryRun: true, plan: { problems: [] } });
  });

  it('says why not, and ends with 1 when only asked and with 2 when refused', async () => {
    const few = ['--minimum', 'customers=50', '--minimum', 'payments=60'];
    const asked = await as('operator', ['cutover', 'shop', ...reason, '--dry-run', ...few]);
    expect(asked.code).toBe(1);
    expect(asked.stdout).toContain('fewer than its minimum of 60');
    const refused = await as('operator', ['cutover', 'shop', ...reason, '--yes', ...few]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^CUTOVER_REFUSED: .*minimum of 50.*minimum of 60/);
    expect((await as('operator', ['cutover', 'shop', ...reason, '--table', 'nope', '--yes'])).stderr).toContain(
      'no table nope',
    );
    expect((await as('operator', ['cutover', 'shop', ...reason, '--minimum', 'customers'])).code).toBe(2);
  });

  it('asks first, and takes nothing but yes', async () => {
    const nobody = await as('operator', ['cutover', 'shop', ...reason]);
    expect(nobody).toMatchObject({ code: 2, stdout: '' });
    expect(nobody.stderr).toContain('has to be confirmed');
    const questions: string[] = [];
    const no = await as('operator', ['cutover', 'shop', ...reason], async (question) => {
      questions.push(question);
      return 'maybe';
    });
    expect(no.code).toBe(2);
    expect(questions).toEqual([
      expect.stringMatching(/^Cutting over shop: shop\.customers, shop\.payments; \d+ objects/),
    ]);
    expect(await shop.column(`SELECT count(*)::int FROM drover.cutovers WHERE status = 'done'`)).toEqual([0]);
  });

  it('needs a reason, and a role', async () => {
    expect((await as('operator', ['cutover', 'shop', '--yes'])).stderr).toContain('--reason');
    const viewer = await as('viewer', ['cutover', 'shop', ...reason, '--yes']);
    expect(viewer.stderr).toMatch(/^FORBIDDEN: .*operator/);
  });

  it('holds, lets go, cuts over, comes back and goes again', async () => {
    const held = await as('operator', ['cutover', 'shop', ...reason, '--hold', '--yes', '--json']);
    const { stamp } = held.json<{ stamp: string } & CutoverView>();
    expect(held.json()).toMatchObject({ status: 'held' });
    expect((await as('operator', ['cutover', 'abandon', stamp, ...reason])).stdout).toContain(': abandoned');
    const done = await as('operator', ['cutover', 'shop', ...reason], async () => 'yes');
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(/^cutover \S+ of shop: done\n/);
    expect(done.stdout).toContain(
      'shop.customers: from shop_staging.customers, 2 rows instead of 1; backup shop_backup_',
    );
    expect(done.stdout).toMatch(/locks: waited .* held .* at the first try/);
    expect(done.stdout).toContain('next: rollback, drop-backup');
    await shop.harness.sql(`INSERT INTO shop.customers (id, email) VALUES (gen_random_uuid(), 'late@example.com')`);
    const list = (await as('viewer', ['cutovers', '--json'])).json<{ items: CutoverView[] }>().items;
    const live = list[0]?.stamp ?? '';
    const question: string[] = [];
    const back = await as('operator', ['cutover', 'rollback', live, ...reason], async (text) => {
      question.push(text);
      return 'y';
    });
    expect(question).toEqual([expect.stringContaining('with 1 changes written since')]);
    expect(back).toMatchObject({ code: 0 });
    expect(back.stdout).toContain(`back to ${live}`);
    expect(await shop.column(`SELECT count(*)::int FROM shop.customers`)).toEqual([2]);
  });

  it('lists them, and deletes a backup for an admin who says so', async () => {
    await as('operator', ['validate', 'shop']);
    expect((await as('operator', ['cutover', 'shop', ...reason, '--yes'])).code).toBe(0);
    const listed = await as('viewer', ['cutovers', '--plan', 'shop']);
    expect(listed.stdout).toMatch(/rollback drop-backup +because/);
    expect((await as('viewer', ['cutovers', '--plan', 'other'])).stdout).toBe('no cutovers\n');
    const stamp = (await as('viewer', ['cutovers', '--json'])).json<{ items: CutoverView[] }>().items[0]?.stamp ?? '';
    expect((await as('operator', ['cutover', 'drop-backup', stamp, ...reason, '--yes'])).stderr).toMatch(/^FORBIDDEN/);
    expect((await as('admin', ['cutover', 'drop-backup', stamp, ...reason])).code).toBe(2);
    expect((await as('admin', ['cutover', 'drop-backup', stamp, ...reason, '--yes'])).stdout).toContain(': dropped');
    expect((await as('operator', ['cutover', 'go', stamp, ...reason])).stderr).toMatch(/^NOT_ALLOWED_NOW: .*dropped/);
    expect((await as('viewer', ['cutovers', '1999_01_01'])).stderr).toMatch(/^NOT_FOUND/);
  });
});
