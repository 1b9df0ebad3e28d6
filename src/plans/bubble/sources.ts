import { DroverError } from '../../errors.ts';
import type { Source, SourceContext } from '../../plan/contract.ts';
import { openApiSource } from './api-source.ts';
import { entityNames } from './entity-names.ts';
import { openCsvSource } from './files/file-source.ts';
import { paramsSchema } from './params.ts';

/** The source of one entity: the Data API, or a file when the run says so. */
export function openSource(context: SourceContext): Source {
  const params = paramsSchema.parse(context.params);
  const entity = entityNames.find((name) => name === context.entity);
  if (entity === undefined) throw new DroverError('CONFIGURATION', `the plan bubble has no entity ${context.entity}`);
  const fromFiles = params.skipExport === true || params.source === 'csv';
  return fromFiles ? openCsvSource(entity, params, context) : openApiSource(entity, params, context);
}
