import { isAbsolute, relative, resolve } from 'node:path';
import { DroverError } from '../../errors.ts';

const defaultFolder = './migration_data';

/**
 * The folder of a run's CSV files: MIGRATION_EXPORT_DIR of the worker, or the folder in it that the run names. The name
 * comes from the request that starts a run, so it must not lead to other files of the worker.
 * @throws DroverError CONFIGURATION when the folder is not inside MIGRATION_EXPORT_DIR.
 */
export function csvFolder(
  settings: Readonly<Record<string, string | undefined>>,
  exportDir: string | undefined,
): string {
  const base = resolve(settings.MIGRATION_EXPORT_DIR?.trim() || defaultFolder);
  if (exportDir === undefined) return base;
  const folder = resolve(base, exportDir);
  const below = relative(base, folder);
  if (below === '..' || below.startsWith('../') || isAbsolute(below) || exportDir.includes('\0')) {
    throw new DroverError('CONFIGURATION', `exportDir ${exportDir} is not inside MIGRATION_EXPORT_DIR`, {
      remedy: 'Name a folder inside it, relative to it (march), or set MIGRATION_EXPORT_DIR for the workers.',
    });
  }
  return folder;
}
