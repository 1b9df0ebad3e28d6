import { resolve } from 'node:path';
import type { StartRun } from '../engine/control/contract.ts';
import type { Settings } from './environment.ts';
import { usage } from './problem.ts';
import { ids, jsonObjectFile } from './values.ts';

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

type Place = Pick<Settings, 'workingFolder' | 'sharedExportDir'>;

/** The body of POST /runs. What was not said is left out, so that the service's own defaults hold. */
export function startRequest(plan: string, options: RunOptions, place: Place): StartRun {
  if (options.skipExport && options.exportOnly) throw usage('--skip-export and --export-only leave nothing to do');
  if (options.ids !== undefined && options.strategy !== undefined && options.strategy !== 'selective') {
    throw usage(`--ids and --strategy ${options.strategy} contradict each other`, 'Leave --strategy out.');
  }
  const params = paramsOf(options, place);
  const { strategy, since, until, only, skipExisting, exportOnly, dryRun, batchSize, maxFailurePercent, targetSchema } =
    options;
  const { trial } = options;
  return {
    plan,
    strategy,
    ids: options.ids === undefined ? undefined : ids(options.ids, place.workingFolder),
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
function paramsOf(options: RunOptions, place: Place): Record<string, unknown> {
  const file = (path: string, what: string): Record<string, unknown> =>
    jsonObjectFile(resolve(place.workingFolder, path), what);
  return Object.fromEntries([
    ...Object.entries(options.params === undefined ? {} : file(options.params, 'the file of parameters')),
    ...(options.fieldMap === undefined ? [] : [['fieldMap', file(options.fieldMap, 'the field map')]]),
    ...(options.skipExport ? [['skipExport', true]] : []),
    ...(options.skipExport && place.sharedExportDir ? [['exportDir', place.sharedExportDir]] : []),
    ...Object.entries(options.param ?? {}),
  ]);
}
