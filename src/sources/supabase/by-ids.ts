import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { RestTable } from './rest.ts';
import type { SupabaseSettings } from './settings.ts';

// The list travels in the URL, and 8 KB is where gateways begin to refuse.
const maxCharacters = 2_000;

/** How many of the ids from this place on go into one request. At least one. */
export function chunkFrom(ids: readonly string[], at: number, pageSize: number): string[] {
  const chunk: string[] = [];
  let characters = 0;
  for (const id of ids.slice(at, at + pageSize)) {
    characters += encodeURIComponent(id).length + 10;
    if (chunk.length > 0 && characters > maxCharacters) break;
    chunk.push(id);
  }
  return chunk;
}

/** The rows with these ids, in their order; an id that no row has gives none. */
export async function readByIds(
  table: RestTable,
  settings: SupabaseSettings,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const found = new Map<string, JsonObject>();
  let left = [...ids];
  while (left.length > 0) {
    const rows = await readBatch(table, settings, left, signal);
    for (const row of rows) found.set(String(row[settings.key]), row);
    if (rows.length === 0) break;
    // The project may have cut the answer short, so whoever is missing is asked for again.
    left = left.filter((id) => !found.has(id));
  }
  return ids.map((id) => found.get(id)).filter((row) => row !== undefined);
}

async function readBatch(table: RestTable, settings: SupabaseSettings, ids: readonly string[], signal: AbortSignal) {
  const list = ids.map((id) => `"${id.replace(/[\\"]/g, '\\$&')}"`).join(',');
  const query = { select: settings.select, [settings.key]: `in.(${list})`, limit: ids.length };
  try {
    return (await table.rows(query, signal)).rows;
  } catch (error) {
    if (!(error instanceof DroverError && error.code === 'UPSTREAM_REFUSED')) throw error;
    return readOneByOne(table, settings, ids, signal);
  }
}

/** One id that the key's type cannot hold (`abc` among numbers) has the whole list refused; it is an id nobody has. */
async function readOneByOne(table: RestTable, settings: SupabaseSettings, ids: readonly string[], signal: AbortSignal) {
  await table.rows({ select: settings.select, limit: 0 }, signal); // refused as well: then it is not about an id
  const rows: JsonObject[] = [];
  for (const id of ids) {
    try {
      rows.push(...(await table.rows({ select: settings.select, [settings.key]: `eq.${id}`, limit: 1 }, signal)).rows);
    } catch (error) {
      if (!(error instanceof DroverError && error.code === 'UPSTREAM_REFUSED')) throw error;
    }
  }
  return rows;
}
