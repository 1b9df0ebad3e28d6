import type { ApiRecord, ApiRefusal, BeforeImage, Effects, UndoResult } from '../../plan/api-target.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { RowWriter } from '../../sources/supabase/row-writer.ts';
import { fieldsToRestore } from '../../targets/stripe/index.ts';

const columns = ['stripe_product_id', 'stripe_price_id', 'sync_status'];

const rowGone: ApiRefusal = { kind: 'refused', code: 'ROW_GONE', message: 'the row was deleted while it was moved' };

/** A record whose source row is written. */
export type SourceRow = Pick<ApiRecord, 'sourceId' | 'raw'>;

/** The source's own columns: which product and price a row has become. */
export interface WriteBack {
  /** Tells the row its ids, unless it has them. */
  writeIds(
    record: SourceRow,
    ids: { product: string; price: string },
    effects: Effects,
  ): Promise<ApiRefusal | undefined>;
  /** Tells the row that it was rejected, here or by Stripe. */
  markFailed(record: SourceRow, effects: Effects): Promise<void>;
  /** Gives the row its columns back; one that was not synced before the run is pending, whatever it was. */
  undo(image: BeforeImage): Promise<UndoResult>;
}

export function createWriteBack(rows: RowWriter, signal: AbortSignal): WriteBack {
  async function set({ sourceId, raw }: SourceRow, after: JsonObject, effects: Effects): Promise<boolean> {
    const before = Object.fromEntries(columns.map((column): [string, Json] => [column, raw[column] ?? null]));
    const changed = Object.fromEntries(Object.entries(after).filter(([column, value]) => before[column] !== value));
    if (Object.keys(changed).length === 0) return true;
    const changes = [{ object: { kind: 'row', id: sourceId }, before, after: changed }];
    const sent = { id: sourceId, there: true };
    const effect = { step: 'write back', body: changed, changes };
    const { there } = await effects.run(effect, async () => ({
      ...sent,
      there: await rows.set(sourceId, changed, signal),
    }));
    return there;
  }

  return {
    async writeIds(record, { product, price }, effects) {
      const after = { stripe_product_id: product, stripe_price_id: price, sync_status: 'synced' };
      return (await set(record, after, effects)) ? undefined : rowGone;
    },
    markFailed: async (record, effects) => {
      await set(record, { sync_status: 'failed' }, effects);
    },
    async undo(kept) {
      const image = { ...kept, before: resetTarget(kept) };
      const row = await rows.read(image.id, columns, signal);
      if (row === undefined)
        return { kind: 'conflict', detail: `the row ${image.id} is not there any more`, final: true };
      const back = fieldsToRestore(image, row);
      if (typeof back === 'string') return { kind: 'conflict', detail: back, final: false };
      const changes = Object.entries(back).map(([column, value]) => [
        column,
        value === '' ? (image.before[column] ?? null) : value,
      ]);
      if (changes.length > 0) await rows.set(image.id, Object.fromEntries(changes), signal);
      return { kind: 'done' };
    },
  };
}

/** A half-made or failed move is begun anew after a rollback; one that was whole before the run is as whole as it was. */
function resetTarget({ before }: BeforeImage): JsonObject {
  return before?.sync_status === 'synced' ? before : { ...before, sync_status: 'pending' };
}
