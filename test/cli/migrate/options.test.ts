import { describe, expect, it } from 'vitest';
import { type MigrateOptions, type Purpose, runOptions } from '../../../src/cli/migrate/options.ts';

const of = (purpose: Purpose, options: Partial<MigrateOptions> = {}, variables: Record<string, string> = {}) =>
  runOptions(purpose, { plan: 'catalog', ...options }, variables);

const window = { MIGRATION_START_DATE: '2024-01-01', MIGRATION_END_DATE: '2024-12-31T23:59:59Z' };

describe('what is run', () => {
  it('is incremental and skips what is there; a validation looks at everything', () => {
    expect(of('migrate')).toMatchObject({ strategy: 'incremental', skipExisting: true, dryRun: false });
    expect(of('dry-run')).toMatchObject({ strategy: 'incremental', skipExisting: true, dryRun: true });
    expect(of('validate')).toMatchObject({ strategy: 'full', skipExisting: false, dryRun: true });
  });

  it('is what the variables say', () => {
    expect(of('migrate', {}, { MIGRATION_STRATEGY: 'full', MIGRATION_SKIP_EXISTING: 'true', ...window })).toMatchObject(
      {
        strategy: 'full',
        skipExisting: true,
        since: undefined,
        until: undefined,
      },
    );
    expect(of('migrate', {}, { ...window, MIGRATION_BATCH_SIZE: '25' })).toMatchObject({
      since: '2024-01-01T00:00:00.000Z',
      until: '2024-12-31T23:59:59.000Z',
      batchSize: 25,
    });
    const ids = { MIGRATION_STRATEGY: 'selective', MIGRATION_PRODUCT_IDS: 'prod1,prod2' };
    expect(of('dry-run', {}, ids)).toMatchObject({ strategy: 'selective', ids: 'prod1,prod2', skipExisting: false });
    expect(of('validate', {}, ids)).toMatchObject({ strategy: 'selective', ids: 'prod1,prod2' });
  });

  it('is what options say before that', () => {
    const variables = { MIGRATION_STRATEGY: 'selective', MIGRATION_PRODUCT_IDS: 'prod1', ...window };
    expect(of('migrate', { strategy: 'full' }, variables)).toMatchObject({ strategy: 'full', ids: undefined });
    expect(of('migrate', { ids: 'x' }, { ...variables, MIGRATION_STRATEGY: 'full' })).toMatchObject({
      strategy: 'selective',
      ids: 'x',
    });
    expect(of('migrate', { skipExisting: false })).toMatchObject({ strategy: 'incremental', skipExisting: false });
    expect(of('migrate', { strategy: 'incremental', since: '2025-01-01T00:00:00.000Z' }, variables)).toMatchObject({
      since: '2025-01-01T00:00:00.000Z',
    });
  });

  it('is no migration while MIGRATION_DRY_RUN is true; empty variables say nothing', () => {
    expect(of('migrate', {}, { MIGRATION_DRY_RUN: 'TRUE' }).dryRun).toBe(true);
    expect(of('migrate', {}, { MIGRATION_DRY_RUN: '', MIGRATION_STRATEGY: ' ' })).toMatchObject({
      dryRun: false,
      strategy: 'incremental',
    });
  });

  it('is nothing when variables are wrong: each of them is named', () => {
    const wrong = {
      MIGRATION_STRATEGY: 'all',
      MIGRATION_START_DATE: '01/02/2024',
      MIGRATION_SKIP_EXISTING: 'maybe',
      MIGRATION_BATCH_SIZE: '0',
    };
    expect(() => of('migrate', {}, wrong)).toThrow(
      expect.objectContaining({ items: Object.keys(wrong).map((name) => expect.stringContaining(name)) }),
    );
  });
});
