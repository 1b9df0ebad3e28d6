import { join, resolve } from 'node:path';
import type { CsvSourceOptions } from '../../../sources/csv/csv-source.ts';
import type { EntityName } from '../entity-names.ts';
import type { BubbleParams } from '../params.ts';
import { fileNameOf } from './csv-export.ts';
import { idColumnsOf } from './id-columns.ts';

const defaultFolder = './migration_data';

/** How to open each file of the folder that a run starts from. */
export type ExportFolder = (entity: EntityName) => CsvSourceOptions;

/** The folder the run names, or the environment, or the usual one. */
export function exportFolder(
  params: BubbleParams,
  settings: Readonly<Record<string, string | undefined>>,
): ExportFolder {
  const folder = resolve(params.exportDir ?? (settings.MIGRATION_EXPORT_DIR?.trim() || defaultFolder));
  return (entity) => ({
    path: join(folder, fileNameOf(entity)),
    idColumns: idColumnsOf(entity, params),
    idHint: `name the column that holds it in the parameter fieldMap.fields.${entity}.id`,
    createdBy: '`drover export bubble`',
  });
}
