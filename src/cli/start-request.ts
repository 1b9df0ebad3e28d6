import { resolve } from 'node:path';
import type { StartRun } from '../engine/control/contract.ts';
import type { Settings } from './environment.ts';
import { usageError } from './problem.ts';
import { parseIds, readJsonObjectFile } from './values.ts';

/** The options of `drover run`. */
export interface RunOptions {
  readonly strategy?: 'full' | 'incremental' | 'selective' | undefined;
  readonly ids?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly skipExisting?: boolean | undefined;
  readonly skipExport?: boolean | undefined;
  readonly exportOnly?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly trial?: number | undefined;
  readonly batchSize?: number | 'auto' | undefined;
  readonly maxFailurePercent?: number | undefined;
  readonly targetSchema?: string | undefined;
  readonly param?: Readonly<Record<string, unknown>> | undefined;
  readonly params?: string | undefined;
  readonly fieldMap?: string | undefined;
}

type RequestSettings = Pick<Settings, 'workingFolder' | 'sharedExportDir'>;

/** The body of POST /runs. What was not said is left out, so that the service's own defaults hold. */
export function buildStartRequest(plan: string, options: RunOptions, settings: RequestSettings): StartRun {
  if (options.skipExport && options.exportOnly) throw usageError('--skip-export and --export-only leave nothing to do');
  if (options.ids !== undefined && options.strategy !== undefined && options.strategy !== 'selective') {
    throw usageError(`--ids and --strategy ${options.strategy} contradict each other`, 'Leave --strategy out.');
  }
  const params = paramsOf(options, settings);
  const { strategy, since, until, only, skipExisting, exportOnly, dryRun, batchSize, maxFailurePercent, targetSchema } =
    options;
  const { trial } = options;
  return {
    plan,
    strategy,
    ids: options.ids === undefined ? undefined : parseIds(options.ids, settings.workingFolder),
    since,
    until,
    only,
    skipExisting,
    exportOnly,
    dryRun,
    trial,
    batchSize,
    maxFailurePercent,
    targetSchema,
    params: Object.keys(params).length > 0 ? params : undefined,
  };
}

/** From the general to the particular: the file, then the options with names of their own, then each --param. */
function paramsOf(options: RunOptions, settings: RequestSettings): Record<string, unknown> {
  const file = (path: string, what: string): Record<string, unknown> =>
    readJsonObjectFile(resolve(settings.workingFolder, path), what);
  return Object.fromEntries([
    ...Object.entries(options.params === undefined ? {} : file(options.params, 'the file of parameters')),
    ...(options.fieldMap === undefined ? [] : [['fieldMap', file(options.fieldMap, 'the field map')]]),
    ...(options.skipExport ? [['skipExport', true]] : []),
    ...(options.skipExport && settings.sharedExportDir ? [['exportDir', settings.sharedExportDir]] : []),
    ...Object.entries(options.param ?? {}),
  ]);
}
