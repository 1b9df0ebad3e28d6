import { describe, expect, it } from 'vitest';
import type { SumLine } from '../../../src/contract/runs.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { createSumCache, type SumCacheDeps, sumsAgree } from '../../../src/engine/validation/sums.ts';
import { DroverError } from '../../../src/errors.ts';
import type { Plan } from '../../../src/plan/contract.ts';

const plan = {
  entities: {
    payments: {
      money: { amount: 'a', currency: 'c', status: 's' },
      target: { table: 'payments', columns: { a: { type: 'bigint' } } },
    },
  },
} as unknown as Plan;

const run = (status: Run['status'], rest: Partial<Run> = {}): Run =>
  ({ id: 'r', plan: 'p', targetSchema: 's', status, statusAt: new Date(0), rolledBackAt: null, ...rest }) as Run;

/** A ledger of one payment whose amount is the number of times it was read. */
function createFixture(options: { target?: () => string; written?: readonly SumLine[]; tookMs?: number } = {}) {
  const clock = { now: 0, reads: 0 };
  const deps: SumCacheDeps = {
    ledger: {
      money: async () => {
        clock.reads += 1;
        clock.now += options.tookMs ?? 0;
        const groups = [{ currency: 'USD', status: 'paid', source: String(clock.reads), unloaded: '0' }];
        return { groups, records: '[]', count: 1, next: null };
      },
      writtenSums: async () => options.written,
    },
    target: {
      sums: async () => [{ currency: 'USD', status: 'paid', minor: options.target?.() ?? String(clock.reads) }],
    },
  };
  const sums = createSumCache(deps, () => clock.now);
  const ask = async (of: Run) =>
    (await sums(of, plan, ['payments'])).map((line) => `${line.source}/${line.target}`).join();
  return { clock, ask };
}

const flushPromises = () => new Promise((resolve) => setImmediate(resolve));

describe('the sum cache', () => {
  it('makes sums once for concurrent requests, renews them after a second and returns the last ones meanwhile', async () => {
    const { ask, clock } = createFixture();
    expect(await Promise.all([ask(run('running')), ask(run('running'))])).toEqual(['1/1', '1/1']);
    clock.now = 999;
    expect(await ask(run('running'))).toBe('1/1');
    clock.now = 1_000;
    expect(await ask(run('running'))).toBe('1/1');
    await flushPromises();
    expect(await ask(run('running'))).toBe('2/2');
    expect(clock.reads).toBe(2);
  });

  it('does not return sums that are too old or of another status of the run', async () => {
    const { ask, clock } = createFixture();
    await ask(run('running'));
    clock.now = 12_000;
    expect(await ask(run('running'))).toBe('2/2');
    expect(await ask(run('paused'))).toBe('3/3');
    expect(await ask(run('paused', { rolledBackAt: new Date(1) }))).toBe('4/0');
  });

  it('spends no more than a twentieth of the time on sums', async () => {
    const { ask, clock } = createFixture({ tookMs: 500 });
    for (let polls = 0; polls < 1_000; polls += 1) {
      await ask(run('running'));
      await flushPromises();
      clock.now += 200;
    }
    expect((clock.reads * 500) / clock.now).toBeLessThan(0.055);
  });

  it('starts with the sums of the report once the run has ended', async () => {
    const line = { entity: 'payments', currency: 'USD', status: 'paid', source: '7', target: '7', unloaded: '0' };
    const { ask, clock } = createFixture({ written: [line] });
    expect(await ask(run('completed'))).toBe('7/7');
    expect(clock.reads).toBe(0);
    clock.now = 3_600_000;
    expect(await ask(run('completed'))).toBe('7/7');
    await flushPromises();
    expect(await ask(run('completed'))).toBe('1/1');
  });

  it('keeps the last sums when the target does not answer, and counts a missing table as empty', async () => {
    let fault: DroverError | undefined;
    const { ask, clock } = createFixture({
      target: () => {
        if (fault) throw fault;
        return '5';
      },
    });
    expect(await ask(run('running'))).toBe('1/5');
    fault = new DroverError('DATABASE_UNAVAILABLE', 'gone');
    clock.now = 60_000;
    expect(await ask(run('running'))).toBe('1/5');
    expect(await ask({ ...run('running'), id: 'other' })).toBe('');
    fault = new DroverError('TARGET_SCHEMA', 'no such table');
    expect(await ask(run('paused'))).toBe('4/0');
  });
});

describe('a line of sums', () => {
  it('is compared exactly, beyond the precision of JavaScript numbers', () => {
    const line = {
      entity: 'e',
      currency: 'USD',
      status: 's',
      source: '9007199254740993',
      target: '9007199254740992',
      unloaded: '1',
    };
    expect(sumsAgree(line)).toBe(true);
    expect(sumsAgree({ ...line, unloaded: '0' })).toBe(false);
    expect(sumsAgree({ ...line, target: '9007199254740992.5', unloaded: '0.5' })).toBe(true);
  });
});
