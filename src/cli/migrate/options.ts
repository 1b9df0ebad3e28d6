import type { RunOptions } from '../commands/run.ts';
import type { Settings } from '../environment.ts';
import { parseInstant } from '../format.ts';
import { Problem } from '../problem.ts';

/** The command. */
export type Purpose = 'migrate' | 'dry-run' | 'validate';

/** The options of `migrate`, `migrate:dry-run` and `migrate:validate`. */
export type MigrateOptions = Pick<
  RunOptions,
  'strategy' | 'ids' | 'since' | 'until' | 'skipExisting' | 'batchSize' | 'targetSchema' | 'param'
> & {
  readonly plan: string;
  readonly rows?: number;
};

type Variables = Settings['migration'];

/**
 * What to run: the options, and for those not given the variables MIGRATION_STRATEGY, MIGRATION_START_DATE,
 * MIGRATION_END_DATE, MIGRATION_PRODUCT_IDS, MIGRATION_SKIP_EXISTING, MIGRATION_BATCH_SIZE and MIGRATION_DRY_RUN. An
 * incremental run skips existing rows, as the others do on request; a validation reads everything.
 * @throws Problem naming every variable that is wrong.
 */
export function runOptions(purpose: Purpose, options: MigrateOptions, variables: Variables): RunOptions {
  const given = readVariables(variables);
  const looks = purpose === 'validate';
  const ids = options.ids ?? (options.strategy === undefined || isSelective(options) ? given.ids : undefined);
  const chosen = options.strategy ?? (options.ids === undefined ? given.strategy : 'selective');
  const strategy = chosen ?? (looks ? 'full' : 'incremental');
  const window = strategy === 'incremental' ? given : { since: undefined, until: undefined };
  return {
    ...{ strategy, targetSchema: options.targetSchema, param: options.param },
    ids: strategy === 'selective' ? ids : options.ids,
    since: options.since ?? window.since,
    until: options.until ?? window.until,
    skipExisting: options.skipExisting ?? given.skipExisting ?? (strategy === 'incremental' && !looks),
    batchSize: options.batchSize ?? given.batchSize,
    dryRun: purpose !== 'migrate' || given.dryRun === true,
  };
}

const isSelective = ({ strategy }: MigrateOptions): boolean => strategy === 'selective';

interface MigrationVariables {
  readonly strategy: RunOptions['strategy'];
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly ids: string | undefined;
  readonly skipExisting: boolean | undefined;
  readonly batchSize: number | undefined;
  readonly dryRun: boolean | undefined;
}

function readVariables(variables: Variables): MigrationVariables {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | undefined, wanted: string): T | undefined => {
    const text = variables[name]?.trim();
    if (!text) return undefined;
    const value = parse(text);
    if (value === undefined) problems.push(`${name}: ${wanted}`);
    return value;
  };
  const given = {
    strategy: read('MIGRATION_STRATEGY', strategyOf, 'full, incremental or selective'),
    since: read('MIGRATION_START_DATE', parseInstant, 'a date, or an instant with its zone (2024-01-01T00:00:00Z)'),
    until: read('MIGRATION_END_DATE', parseInstant, 'a date, or an instant with its zone (2024-12-31T23:59:59Z)'),
    ids: read('MIGRATION_PRODUCT_IDS', (text) => text, 'ids as a,b'),
    skipExisting: read('MIGRATION_SKIP_EXISTING', flagOf, 'true or false'),
    batchSize: read('MIGRATION_BATCH_SIZE', batchOf, 'a whole number from 1 to 500'),
    dryRun: read('MIGRATION_DRY_RUN', flagOf, 'true or false'),
  };
  if (problems.length === 0) return given;
  const remedy = 'Correct them in the environment or in .env.';
  throw new Problem({ code: 'ENVIRONMENT', message: 'settings are wrong', items: problems, remedy });
}

function strategyOf(text: string): RunOptions['strategy'] {
  return text === 'full' || text === 'incremental' || text === 'selective' ? text : undefined;
}

function flagOf(text: string): boolean | undefined {
  if (/^(true|1)$/i.test(text)) return true;
  return /^(false|0)$/i.test(text) ? false : undefined;
}

function batchOf(text: string): number | undefined {
  const size = Number(text);
  return /^\d+$/.test(text) && size >= 1 && size <= 500 ? size : undefined;
}
