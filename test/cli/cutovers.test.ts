import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CutoverView } from '../../src/contract/cutover.ts';
import { runDrover } from '../helpers/cli.ts';
import { respondInOrder, type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

let service: ScriptedService;
beforeEach(async () => {
  service = await startScriptedService();
});
afterEach(() => service.close());

const stamp = '2026_01_31_09_30_00_123';
const view = (of: Partial<CutoverView>): CutoverView => ({
  ...{ stamp, plan: 'shop', kind: 'cutover', status: 'preparing', ofStamp: null, tables: [], reason: 'r', actor: 'a' },
  ...{ createdAt: '2026-01-31T09:30:00Z', swappedAt: null, ageSeconds: 1, bytes: 0, restorable: false, progress: null },
  ...{
    problems: [],
    counts: [],
    timing: null,
    unplanned: [],
    carried: 0,
    conflictCount: 0,
    conflicts: [],
    nextActions: [],
  },
  ...of,
});
const conflict = (n: number) => ({ table: 'shop.users', key: `k${n}`, detail: 'written since' });

it('a go that came back to its hold says why, and ends with 1', async () => {
  const why = 'DATABASE_CONFLICT: canceling statement due to lock timeout';
  service.on(`POST /cutovers/${stamp}/go`, () => ({ status: 202, body: view({}) }));
  service.on(
    `GET /cutovers/${stamp}`,
    respondInOrder(view({}), view({ status: 'held', problems: [why], nextActions: ['go', 'abandon'] })),
  );
  const ran = await runDrover(service.url, ['cutover', 'go', stamp, '--reason', 'now']);
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain(`cutover ${stamp} of shop: held`);
  expect(ran.stdout).toContain(`look  ${why}`);
  expect(ran.stdout).toContain('next: go, abandon');
});

it('conflicts are counted, the first are shown, and all are to be had', async () => {
  const done = view({ kind: 'rollback', status: 'done', conflictCount: 3, conflicts: [conflict(1)] });
  service.on(`GET /cutovers/${stamp}`, done);
  const shown = await runDrover(service.url, ['cutovers', stamp]);
  expect(shown.stdout).toContain('3 changes met something else:\n    shop.users k1: written since\n    and 2 more');
  service.on(
    `GET /cutovers/${stamp}/conflicts`,
    respondInOrder({ items: [conflict(1), conflict(2)], nextCursor: 'c' }, { items: [conflict(3)], nextCursor: null }),
  );
  const all = await runDrover(service.url, ['cutovers', stamp, '--conflicts', '--json']);
  expect(all.json()).toEqual({ items: [conflict(1), conflict(2), conflict(3)] });
  expect(service.received.at(-1)?.query).toMatchObject({ cursor: 'c' });
  expect((await runDrover(service.url, ['cutovers', '--conflicts'])).code).toBe(2);
});
