import type { JsonObject } from '../../plan/json.ts';
import type { BubbleApi } from './api.ts';
import type { BubbleSettings } from './settings.ts';

// A constraint travels in the URL, and 8 KB is where servers begin to refuse.
const maxCharacters = 1_500;

/** How many of the ids from this place on go into one request. At least one. */
export function chunkFrom(ids: readonly string[], at: number, pageSize: number): string[] {
  const chunk: string[] = [];
  let characters = 0;
  for (const id of ids.slice(at, at + Math.min(pageSize, 50))) {
    characters += id.length + 3;
    if (chunk.length > 0 && characters > maxCharacters) break;
    chunk.push(id);
  }
  return chunk;
}

/**
 * The rows with these ids; an id that does not exist gives none. One search for all, then every id that it did not
 * give by itself: Bubble may clamp the page, and not every version of it searches by id.
 */
export async function readByIds(
  api: BubbleApi,
  { idKey }: Pick<BubbleSettings, 'idKey'>,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const constraints = [{ key: idKey, constraint_type: 'in' as const, value: ids }];
  const { rows } = await api.list({ constraints, sort: [], offset: 0, limit: ids.length }, signal);
  const found = new Map(rows.map((row) => [String(row[idKey] ?? ''), row]));
  for (const id of ids.filter((wanted) => !found.has(wanted))) {
    const row = await api.get(id, signal);
    if (row) found.set(id, row);
  }
  return ids.map((id) => found.get(id)).filter((row) => row !== undefined);
}
