import type { RowDraft } from './row.ts';

const uniqueId = /^(\d{13})x\d+$/;

/**
 * Fills in when the record was made and changed where its fields do not say. The first thirteen digits of a unique id are the
 * moment it was made.
 */
export function fillTimestamps({ row }: RowDraft, sourceId: string): void {
  row.created_at ??= createdAtFromId(sourceId) ?? row.updated_at ?? null;
  if ('updated_at' in row) row.updated_at ??= row.created_at;
}

/** The rank by which the oldest of several records wins; a record of unknown age is older than none. */
export function mergeRankOf({ row }: RowDraft): string {
  return typeof row.created_at === 'string' ? row.created_at : '9999';
}

/** When Bubble gave out the id, ISO 8601; undefined for an id of another shape. */
export function createdAtFromId(sourceId: string): string | undefined {
  const ms = Number(uniqueId.exec(sourceId)?.[1] ?? Number.NaN);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
