import { DroverError } from '../../errors.ts';
import type { ApiContext, ApiPort, ApiResult, BeforeImage, Refused, Undone } from '../../plan/api-target.ts';
import type { JsonObject } from '../../plan/json.ts';
import { createRowWriter } from '../../sources/supabase/row-writer.ts';
import {
  compareProducts,
  createProductWriter,
  type Expected,
  fromStripe,
  idsOf,
  type Outcome,
  observeProducts,
  type StripeCatalog,
  undoObject,
  undoOrder,
} from '../../targets/stripe/index.ts';
import { tableOf } from './source.ts';
import { openSupabase, stripeOf } from './upstreams.ts';
import { knownOf, wantedOf } from './wanted.ts';
import { createWriteBack, type WriteBack } from './write-back.ts';

/** Products into Stripe, and their ids back into the catalogue. */
export function openCatalogPort(context: ApiContext): ApiPort {
  const stripe = stripeOf(context);
  const products = createProductWriter(stripe, context.runId);
  const rows = createRowWriter(openSupabase(context).upstream, tableOf(context.params));
  const back = createWriteBack(rows, context.signal);
  return {
    async foresee(record, options) {
      const known = knownOf(record.raw);
      const outcome = await products.foresee(wantedOf(record.sourceId, record.row), known, options);
      return outcome.kind === 'refused' ? outcome : resultOf(outcome, known.productId);
    },

    async write(record, options, effects) {
      const known = knownOf(record.raw);
      const wanted = wantedOf(record.sourceId, record.row);
      const outcome = await products.write(wanted, known, record.again, options, effects).catch(refusalOf);
      if (outcome.kind === 'refused') {
        await back.fail(record, effects);
        return outcome;
      }
      if (outcome.kind === 'exists') return resultOf(outcome, known.productId);
      const refused = await back.tell(record, idsOf(outcome), effects);
      return refused ?? resultOf(outcome, known.productId);
    },

    reject: (record, effects) => back.fail(record, effects),

    compare: (some) => compareProducts(stripe, some.map(expectedOf)),

    observe: (some) => observeProducts(stripe, some.map(expectedOf)),

    undo: (images) => undoAll(stripe, back, images),
  };
}

/** A row as what Stripe must show. */
function expectedOf({ sourceId, row }: { readonly sourceId: string; readonly row: JsonObject }): Expected {
  return {
    wanted: wantedOf(sourceId, row),
    productId: textOf(row.stripe_product_id),
    priceId: textOf(row.stripe_price_id),
  };
}

/** What Stripe refuses about the record itself is the record's fault, and its row is told like of any other. */
function refusalOf(thrown: unknown): Refused {
  if (!(thrown instanceof DroverError) || thrown.class !== 'data') throw thrown;
  return { kind: 'refused', code: thrown.code, message: thrown.message, field: thrown.field };
}

/** What the catalogue's own table keeps: the ids, and the amount as Stripe says it. */
function resultOf(outcome: Outcome, named: string | null): Exclude<ApiResult, Refused> {
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

async function undoAll(
  stripe: StripeCatalog,
  back: WriteBack,
  images: readonly BeforeImage[],
): Promise<readonly Undone[]> {
  const undone = new Map<BeforeImage, Undone>();
  for (const image of images.toSorted((a, b) => undoOrder(a) - undoOrder(b))) {
    undone.set(image, await (image.kind === 'row' ? back.undo(image) : undoObject(stripe, image)));
  }
  return images.map((image) => undone.get(image) as Undone);
}

function textOf(value: JsonObject[string] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
