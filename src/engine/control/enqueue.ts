import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';

/** Records to add to a run: by source id, to be fetched, or as they are. */
export interface Enqueue {
  readonly entity: string;
  readonly sourceIds?: readonly string[] | undefined;
  readonly records?: readonly Record<string, unknown>[] | undefined;
}

// How sources name their own ids: Bubble's API, Bubble's export, and nearly everyone else.
const idFields = ['_id', 'unique id', 'id'];

/**
 * Records with the id each carries. One without an id is named by its content, so that the same record sent twice is
 * one record.
 * @throws DroverError BAD_REQUEST when two of them carry the same id.
 */
export function toRecords(
  records: readonly Record<string, unknown>[],
  contentName: (raw: JsonObject) => string,
): { sourceId: string; raw: JsonObject }[] {
  const result = records.map((record) => {
    const raw = record as JsonObject;
    const id = idFields
      .map((field) => raw[field])
      .find((value) => value !== undefined && value !== null && value !== '');
    return { sourceId: id === undefined ? `#${contentName(raw)}` : String(id), raw };
  });
  const seen = new Set<string>();
  const repeated = result.find(({ sourceId }) => seen.size === seen.add(sourceId).size);
  if (repeated) {
    throw new DroverError('BAD_REQUEST', `two records carry the id ${repeated.sourceId}`, {
      remedy: 'Send each record once.',
    });
  }
  return result;
}
