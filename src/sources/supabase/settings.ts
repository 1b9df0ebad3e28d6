import type { Upstream } from '../../plan/upstream.ts';

export interface SupabaseSourceOptions {
  /** The upstream whose base URL ends in `/rest/v1` and whose headers carry the key; see `restUrl` and `keyHeaders`. */
  readonly upstream: Upstream;
  readonly table: string;
  /** What is read of a row, besides the key and the date column. */
  readonly columns: readonly string[];
  /** The primary key: unique, never null. Default `id`. */
  readonly key?: string | undefined;
  /** Rows asked for at once. The project may give fewer, silently; its default cap is 1,000. */
  readonly pageSize?: number | undefined;
  /** Columns that JSON numbers would spoil (`numeric`, `bigint`): they come as text. The key always does. */
  readonly numericAsText?: readonly string[] | undefined;
  /** When a row was last changed. Default `updated_at`; null when the table has no such column. */
  readonly dateColumn?: string | null | undefined;
  /** How far before `since` an incremental read begins, in milliseconds. */
  readonly overlapMs?: number | undefined;
  /** The key the upstream sends. Looked at for its role only, to explain why a table seems empty. */
  readonly apiKey?: string | undefined;
}

export interface SupabaseSettings {
  readonly table: string;
  readonly key: string;
  readonly select: string;
  readonly pageSize: number;
  readonly dateColumn: string | undefined;
  readonly overlapMs: number;
}

export function settingsOf(options: SupabaseSourceOptions): SupabaseSettings {
  const key = options.key ?? 'id';
  const dateColumn = options.dateColumn === undefined ? 'updated_at' : (options.dateColumn ?? undefined);
  const asText = new Set([key, ...(options.numericAsText ?? [])]);
  const columns = new Set([key, ...options.columns, ...(dateColumn === undefined ? [] : [dateColumn])]);
  return {
    table: options.table,
    key,
    select: [...columns].map((column) => (asText.has(column) ? `${column}::text` : column)).join(','),
    pageSize: options.pageSize ?? 1000,
    dateColumn,
    overlapMs: options.overlapMs ?? 60_000,
  };
}
