import { describe, expect, it } from 'vitest';
import { assertNoProblems, rowCountProblems } from '../../../src/engine/cutover/exchange.ts';
import { unplannedDifferences } from '../../../src/engine/cutover/fingerprint.ts';
import { optionSteps } from '../../../src/engine/cutover/plan/columns.ts';
import { grantSteps } from '../../../src/engine/cutover/plan/grants.ts';
import { toExchangeError } from '../../../src/engine/cutover/session.sql.ts';

const live = { schema: 'public', name: 'a' };
const spec = { name: 'x', tables: [{ incoming: { schema: 's', name: 'a' }, live, minimum: 5 }], maxShrinkPercent: 10 };

describe('what refuses a cutover', () => {
  it('names rows that are too few and shrinkage that is too much', () => {
    expect(rowCountProblems(spec, [{ table: 'public.a', incoming: 90, live: 100 }])).toEqual([]);
    expect(rowCountProblems(spec, [{ table: 'public.a', incoming: 4, live: 100 }])).toHaveLength(2);
    expect(() => assertNoProblems(['a', 'b'])).toThrow('a; b');
    expect(assertNoProblems([])).toBeUndefined();
  });
});

describe('what PostgreSQL refuses', () => {
  it('is told with the objects its DETAIL names, and without the values of rows', () => {
    const depends = { code: '2BP01', message: 'cannot drop a', detail: 'view b depends on a\nview c depends on a' };
    expect(toExchangeError(depends)).toMatchObject({
      code: 'TARGET_SCHEMA',
      message: 'cannot drop a: view b depends on a; view c depends on a',
    });
    const values = { code: '23505', message: 'duplicate key', detail: 'Key (email)=(a@b.c) already exists.' };
    expect(toExchangeError(values).message).not.toContain('a@b.c');
  });
});

describe('what is compared', () => {
  it('is told unless it was planned', () => {
    const before = new Map([
      ['index a b', '1'],
      ['column a.c', '1'],
      ['gone', '1'],
    ]);
    const after = new Map([
      ['index a b', '2'],
      ['column a.c', '1'],
      ['column a.d not-null', 'true'],
    ]);
    expect(unplannedDifferences(before, after, [{ key: 'column a.d', why: 'new' }])).toEqual([
      'gone is gone: it was 1',
      'index a b was 1 and is 2',
    ]);
  });
});

describe('rights and options', () => {
  it('are changed only where they differ', () => {
    const select = { grantee: 'app', privilege: 'SELECT', grantable: false, grantor: 'o' };
    const on = { target: 'TABLE t', columns: '', schema: 's', owner: 'o' };
    expect(grantSteps(on, [select], [select])).toEqual([]);
    expect(grantSteps(on, [select], [{ ...select, grantee: '' }])).toEqual([
      'REVOKE ALL ON TABLE t FROM PUBLIC CASCADE',
      'GRANT SELECT ON TABLE t TO "app"',
    ]);
    expect(optionSteps(['fillfactor=80'], ['fillfactor=70', 'toast.x=1'])).toEqual([
      'SET ("fillfactor" = \'80\')',
      'RESET ("toast"."x")',
    ]);
  });
});
