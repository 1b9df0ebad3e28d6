import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createSpec } from '../../../src/engine/cutover/control.ts';
import type { Entity, Plan } from '../../../src/plan/contract.ts';
import { definePlan } from '../../../src/plan/define-plan.ts';
import catalog from '../../../src/plans/catalog/index.ts';

const entity = (table: string, dependsOn: readonly string[] = []): Entity => ({
  title: table,
  dependsOn,
  source: () => ({ read: async () => ({ records: [], cursor: null }) }),
  schema: z.looseObject({}),
  transform: () => ({ kind: 'skip', code: 'EXCLUDED', message: '' }),
  target: { kind: 'postgres', table, columns: {} },
});

const plan = (cutover?: Plan['cutover']): Plan =>
  definePlan({
    ...{ name: 'two-words', version: '1', title: '', description: '', upstreams: [], rules: [] },
    ...{ settings: z.object({}), params: z.object({}) },
    entities: { orders: entity('orders', ['people']), people: entity('users') },
    cutover,
  });

const named = (spec: ReturnType<typeof createSpec>): string[] =>
  spec.tables.map(({ incoming, live }) => `${incoming.schema}.${incoming.name} > ${live.schema}.${live.name}`);

describe('the tables of a cutover', () => {
  it("are the plan's, parents first, from its staging schema into its own", () => {
    expect(named(createSpec(plan(), {}))).toEqual([
      'two_words_staging.users > two_words.users',
      'two_words_staging.orders > two_words.orders',
    ]);
  });

  it('are where the plan says, and rather where the operator says', () => {
    const own = plan({
      ...{ stagingSchema: 'next', liveSchema: 'public', maxShrinkPercent: 10 },
      tables: { users: { schema: 'auth', name: 'accounts', minimum: 3000 } },
    });
    const spec = createSpec(own, {});
    expect(named(spec)).toEqual(['next.users > auth.accounts', 'next.orders > public.orders']);
    expect(spec).toMatchObject({ maxShrinkPercent: 10, tables: [{ minimum: 3000 }, { minimum: undefined }] });
    const asked = createSpec(own, {
      ...{ stagingSchema: 'other', liveSchema: 'shop', minimums: { users: 5 }, maxShrinkPercent: 90 },
      tables: [{ table: 'users' }, { table: 'orders', live: { schema: 'a.b', name: 'c' } }],
    });
    expect(named(asked)).toEqual(['other.users > shop.accounts', 'other.orders > a.b.c']);
    expect(asked).toMatchObject({ maxShrinkPercent: 90, tables: [{ minimum: 5 }, {}] });
  });

  it('are refused where they cannot be', () => {
    expect(() => createSpec(plan(), { tables: [{ table: 'nope' }] })).toThrow('has no table nope');
    expect(() => createSpec(plan(), { minimums: { nope: 1 } })).toThrow('has no table nope');
    expect(() => createSpec(plan(), { stagingSchema: 'two_words' })).toThrow('its own place');
    expect(() => createSpec(plan(), { liveSchema: 'drover' })).toThrow('no place');
    expect(() => createSpec(plan(), { stagingSchema: 'pg_temp' })).toThrow('no place');
    expect(() => plan({ tables: { nope: {} } })).toThrow('cutover names nope');
    expect(() => createSpec(catalog, {})).toThrow('nothing to make live');
  });
});
