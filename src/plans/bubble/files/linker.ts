import type { JsonObject } from '../../../plan/json.ts';
import { csvRecords } from '../../../sources/csv/csv-source.ts';
import type { EntityName } from '../entity-names.ts';
import type { Field } from '../field.ts';
import { fieldMap } from '../field-map.ts';
import type { ReadOptions } from '../parsers/reading.ts';
import type { CsvNote } from './csv-note.ts';
import type { ExportFolder } from './export-folder.ts';
import { buildNameIndex, type NameIndex } from './name-index.ts';

/** Says whom a record's references by e-mail or name mean; undefined when it has only ids. */
export type ReferenceResolver = (raw: JsonObject, signal: AbortSignal) => Promise<CsvNote['links'] | undefined>;

// What Bubble shows of a linked thing is its e-mail or name unless it is an id. Ids have no blanks and no @.
const looksLikeId = /^[\w.:-]+$/;

/** Reads the files of an entity's parents, and only when a record names one of them otherwise than by its id. */
export function createReferenceResolver(
  entity: EntityName,
  reading: ReadOptions,
  folder: ExportFolder,
): ReferenceResolver {
  const columns = Object.values<Field>(fieldMap[entity]).map(({ references }) => references as EntityName | undefined);
  const indexes = new Map<EntityName, Promise<NameIndex>>();
  const indexOf = (parent: EntityName, signal: AbortSignal): Promise<NameIndex> => {
    const known = indexes.get(parent);
    if (known !== undefined) return known;
    const index = buildNameIndex(csvRecords(folder(parent), signal), parent, reading);
    indexes.set(parent, index);
    // A failure (a pause, a file that is not there yet) must not be remembered.
    index.catch(() => indexes.delete(parent));
    return index;
  };
  return async (raw, signal) => {
    const links: Record<string, string | null> = {};
    for (const [at, pick] of reading.pickers[entity](raw).entries()) {
      const parent = columns[at];
      if (parent === undefined || typeof pick?.value !== 'string' || isRecordId(pick.value)) continue;
      const found = (await indexOf(parent, signal))(pick.value);
      links[pick.key] = found === undefined ? '' : found;
    }
    return Object.keys(links).length > 0 ? links : undefined;
  };
}

function isRecordId(value: string): boolean {
  return looksLikeId.test(value.trim()) || value.trimStart().startsWith('[');
}
