import { DroverError } from '../../errors.ts';
import type { ApiPort, ApiRefusal, ApiResult, BeforeImage, UndoResult } from '../../plan/api-target.ts';
import type { ApiContext } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { createRowWriter } from '../../sources/supabase/row-writer.ts';
import { fromStripe } from '../../targets/stripe/amounts.ts';
import { compareProducts, type ExpectedProduct, observeProducts } from '../../targets/stripe/compare.ts';
import type { StripeCatalog } from '../../targets/stripe/index.ts';
import { createProductWriter, idsOf, type ProductOutcome } from '../../targets/stripe/products.ts';
import { undoObject, undoOrder } from '../../targets/stripe/undo.ts';
import { openStripe, openSupabase } from './connections.ts';
import { desiredProductOf, recordedIdsOf } from './product.ts';
import { tableName } from './source.ts';
import { createWriteBack, type WriteBack } from './write-back.ts';

/** Products into Stripe, and their ids back into the catalogue. */
export function openCatalogPort(context: ApiContext): ApiPort {
  const stripe = openStripe(context);
  const products = createProductWriter(stripe, context.runId);
  const rows = createRowWriter(openSupabase(context).upstream, tableName(context.params));
  const back = createWriteBack(rows, context.signal);
  return {
    announce: (some) => stripe.announceLookupKeys(some.map(({ row }) => String(row.lookup_key))),

    async preview(record, options) {
      const known = recordedIdsOf(record.raw);
      const outcome = await products.preview(desiredProductOf(record.sourceId, record.row), known, options);
      return outcome.kind === 'refused' ? outcome : resultOf(outcome, known.productId);
    },

    async write(record, options, effects) {
      const known = recordedIdsOf(record.raw);
      const wanted = desiredProductOf(record.sourceId, record.row);
      const outcome = await products.write(wanted, known, record.mayHaveBeenSent, options, effects).catch(refusalFrom);
      if (outcome.kind === 'refused') {
        await back.markFailed(record, effects);
        return outcome;
      }
      if (outcome.kind === 'exists') return resultOf(outcome, known.productId);
      const refused = await back.writeIds(record, idsOf(outcome), effects);
      return refused ?? resultOf(outcome, known.productId);
    },

    reject: (record, effects) => back.markFailed(record, effects),

    compare: (some) => compareProducts(stripe, some.map(expectedOf)),

    observe: (some) => observeProducts(stripe, some.map(expectedOf)),

    undo: (images) => undoImages(stripe, back, images),
  };
}

/** A row as what Stripe must show. */
function expectedOf({ sourceId, row }: { readonly sourceId: string; readonly row: JsonObject }): ExpectedProduct {
  return {
    wanted: desiredProductOf(sourceId, row),
    productId: textOf(row.stripe_product_id),
    priceId: textOf(row.stripe_price_id),
  };
}

/** What Stripe refuses about the record itself is the record's fault, and is written to its row like any other reject. */
function refusalFrom(thrown: unknown): ApiRefusal {
  if (!(thrown instanceof DroverError) || thrown.class !== 'data') throw thrown;
  return { kind: 'refused', code: thrown.code, message: thrown.message, field: thrown.field };
}

/** What the catalogue's own table keeps: the ids, and the amount as Stripe says it. */
function resultOf(outcome: ProductOutcome, named: string | null): Exclude<ApiResult, ApiRefusal> {
  const { kind, message, product, price, stale } = outcome;
  const currency = price?.currency.toUpperCase();
  const amount = price?.unit_amount ?? undefined;
  const answered: JsonObject = {
    ...(product && { stripe_product_id: product.id }),
    ...(price && { stripe_price_id: price.id }),
    ...(currency && amount !== undefined && { amount: String(fromStripe(amount, currency)), currency }),
  };
  const notes = stale ? [`the row named ${named}, which is of another Stripe account or mode`] : [];
  return { kind, message: [message, ...notes].join('; '), answered, notes };
}

async function undoImages(
  stripe: StripeCatalog,
  back: WriteBack,
  images: readonly BeforeImage[],
): Promise<readonly UndoResult[]> {
  const undone = new Map<BeforeImage, UndoResult>();
  for (const image of images.toSorted((a, b) => undoOrder(a) - undoOrder(b))) {
    undone.set(image, await (image.kind === 'row' ? back.undo(image) : undoObject(stripe, image)));
  }
  return images.map((image) => undone.get(image) as UndoResult);
}

function textOf(value: JsonObject[string] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
