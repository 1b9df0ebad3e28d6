import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { mapRestError } from './rest.ts';

/** Writes single rows of one table, each by its key. */
export interface RowWriter {
  /** The current columns of a row; undefined when there is no such row. */
  read(key: string, columns: readonly string[], signal: AbortSignal): Promise<JsonObject | undefined>;
  /**
   * Sets columns of one row. False when there is no such row. Throws DroverError, with code TARGET_CONSTRAINT when a
   * constraint of the database rejects the row.
   */
  set(key: string, columns: JsonObject, signal: AbortSignal): Promise<boolean>;
}

/** Without a filter a PATCH changes the whole table: so the request selects its row and limits the change to one. */
const singleRowPreference = 'handling=strict, max-affected=1, return=representation';

export function createRowWriter(upstream: Upstream, table: string, key = 'id'): RowWriter {
  const label = `supabase ${table}`;
  const address = { path: encodeURIComponent(table), endpoint: table };
  const explain = (status: number, text: string): DroverError | undefined => {
    const refusal = mapRestError(label, status, text);
    // For a request that names one row: a value its column cannot hold, not a wrong setting.
    return refusal?.code === 'UPSTREAM_REFUSED' ? new DroverError('UPSTREAM_REJECTED', refusal.message) : refusal;
  };
  return {
    async read(id, columns, signal) {
      const query = { select: columns.join(','), [key]: `eq.${id}`, limit: 1 };
      const response = await upstream.request({ ...address, method: 'GET', query, explain, signal });
      return rowsIn(response.json(), label)[0];
    },
    async set(id, columns, signal) {
      const response = await upstream.request({
        ...address,
        method: 'PATCH',
        query: { [key]: `eq.${id}`, select: key },
        headers: { prefer: singleRowPreference },
        body: JSON.stringify(columns),
        // Setting the same columns twice changes nothing, so the request may be sent again.
        idempotencyKey: `set-${table}-${id}`.replace(/[^\x21-\x7e]/g, '_').slice(0, 200),
        explain,
        signal,
      });
      return rowsIn(response.json(), label).length === 1;
    },
  };
}

function rowsIn(body: unknown, label: string): JsonObject[] {
  if (Array.isArray(body)) return body as JsonObject[];
  throw new DroverError('UPSTREAM_BAD_ANSWER', `${label}: the answer is not a list of rows`);
}
