import { DroverError } from '../../errors.ts';
import { toMajor } from '../../money.ts';
import type { ApiOptions, ApiRefusal, Effects } from '../../plan/api-target.ts';
import type { Json } from '../../plan/json.ts';
import { type Price, type Product, type StripeCatalog, stripeErrorInfo } from '../../upstreams/stripe/client.ts';
import { fromStripe } from './amounts.ts';
import { type Decision, decide, isNoop, type ProductChange } from './decide.ts';
import {
  type DesiredProduct,
  defaultPrice,
  type FoundObjects,
  findObjects,
  metadataKeys,
  type RecordedIds,
} from './lookup.ts';
import { applyChange, createProductWithPrice, type WriteContext } from './write.ts';

/** The outcome of a record, or its forecast. `product` and `price` are Stripe's answers; undefined in a forecast of a new one. */
export interface ProductOutcome {
  readonly kind: 'created' | 'updated' | 'repriced' | 'unchanged' | 'exists';
  readonly message: string;
  readonly product: Product | undefined;
  readonly price: Price | undefined;
  /** The row named a product that does not exist in this account and mode. */
  readonly stale: boolean;
}

export interface ProductWriter {
  preview(wanted: DesiredProduct, known: RecordedIds, options: ApiOptions): Promise<ProductOutcome | ApiRefusal>;
  /** `again`: an earlier attempt is possible, so everything is looked up before anything is sent. */
  write(
    wanted: DesiredProduct,
    known: RecordedIds,
    again: boolean,
    options: ApiOptions,
    effects: Effects,
  ): Promise<ProductOutcome | ApiRefusal>;
}

/** Writes products with one price each: created once, updated where they differ. */
export function createProductWriter(stripe: StripeCatalog, runId: string): ProductWriter {
  const writer: ProductWriter = {
    async preview(wanted, known, { skipExisting }) {
      const found = await findObjects(stripe, wanted, known, { byOwnId: true, again: false });
      return forecast(decide(wanted, known, found, skipExisting), wanted, found);
    },

    async write(wanted, known, again, options, effects) {
      const found = await findObjects(stripe, wanted, known, { byOwnId: again, again });
      if (again) await recordOwnObjects(found, runId, effects);
      const decision = decide(wanted, known, found, options.skipExisting);
      if (decision.kind === 'refused') return decision;
      try {
        return await execute({ stripe, effects, runId }, wanted, decision, found);
      } catch (thrown) {
        const refusal = stripeErrorInfo(thrown);
        // Of another application, or of an earlier run: compared like any other.
        if (refusal?.code === 'resource_already_exists' && !again)
          return writer.write(wanted, known, true, options, effects);
        if (refusal?.param === 'lookup_key') return lookupKeyTakenMeanwhile(wanted);
        throw thrown;
      }
    },
  };
  return writer;
}

async function execute(
  writing: WriteContext,
  wanted: DesiredProduct,
  decision: Exclude<Decision, ApiRefusal>,
  found: FoundObjects,
): Promise<ProductOutcome> {
  const foreseen = forecast(decision, wanted, found) as ProductOutcome;
  if (decision.kind === 'create') return { ...foreseen, ...(await createProductWithPrice(writing, wanted)) };
  if (decision.kind === 'exists' || foreseen.kind === 'unchanged') return foreseen;
  return { ...foreseen, ...(await applyChange(writing, wanted, decision)) };
}

/** Pure: the outcome that a decision leads to. */
function forecast(
  decision: Decision,
  wanted: DesiredProduct,
  { product, stale, prices }: FoundObjects,
): ProductOutcome | ApiRefusal {
  if (decision.kind === 'refused') return decision;
  if (decision.kind === 'create') {
    return { kind: 'created', message: describeCreate(wanted), product: undefined, price: undefined, stale };
  }
  if (decision.kind === 'exists') {
    const message = `${product?.id} exists, and the run skips existing products`;
    return { kind: 'exists', message, product, price: prices[0], stale };
  }
  const kind = isNoop(decision) ? 'unchanged' : isRepriced(decision) ? 'repriced' : 'updated';
  return { kind, message: describeChange(decision, wanted), product, price: decision.price, stale };
}

/** Another price is sold than before, a new one or one that was archived. */
function isRepriced({ product, price, reactivate }: ProductChange): boolean {
  return price === undefined || (reactivate && ![undefined, price.id].includes(defaultPrice(product)?.id));
}

/** Records objects that this run created without receiving the answer (found by the run's mark), for its rollback. */
async function recordOwnObjects({ product, prices }: FoundObjects, runId: string, effects: Effects): Promise<void> {
  const isOfThisRun = ({ metadata }: Pick<Product, 'metadata'>): boolean => metadata[metadataKeys.run] === runId;
  const created = product !== undefined && isOfThisRun(product);
  if (created) await effects.recordCreated({ kind: 'product', id: product.id });
  // The price that was created with the product has no mark before it gets its lookup key.
  const unmarked = created ? defaultPrice(product) : undefined;
  for (const price of prices) {
    const createdWithProduct = price.id === unmarked?.id && price.metadata[metadataKeys.run] === undefined;
    if (isOfThisRun(price) || createdWithProduct) await effects.recordCreated({ kind: 'price', id: price.id });
  }
}

function lookupKeyTakenMeanwhile({ lookupKey }: DesiredProduct): ApiRefusal {
  const message = `the lookup key ${lookupKey} was taken by another price meanwhile`;
  return { kind: 'refused', code: 'LOOKUP_KEY_TAKEN', message, field: 'id' };
}

/** The ids of a written record. Throws when there are none, which is possible for a forecast only. */
export function idsOf({ product, price }: ProductOutcome): { readonly product: string; readonly price: string } {
  if (product && price) return { product: product.id, price: price.id };
  throw new DroverError('INTERNAL', 'a product was written and its ids are not known');
}

/** A one-line description of a product's changes, field by field. */
function describeChange(change: ProductChange, wanted: DesiredProduct): string {
  const { product, price, differences, reactivate, moveLookupKey, makeDefault, pricesToArchive } = change;
  const parts = differences.map(({ field, from, to }) => `${field}: ${shortJson(from)} → ${shortJson(to)}`);
  if (price === undefined) parts.push(`new price ${wantedAmount(wanted)}`);
  if (price && reactivate) parts.push(`price ${price.id}: reactivated`);
  if (price && moveLookupKey)
    parts.push(`price ${price.id}: lookup key ${shortJson(price.lookup_key)} → ${shortJson(wanted.lookupKey)}`);
  if (price && makeDefault) parts.push(`default price: ${price.id}`);
  for (const old of pricesToArchive) parts.push(`price ${old.id} (${amountOf(old)}) archived`);
  return `${product.id}: ${parts.join('; ') || 'nothing changes'}`;
}

function describeCreate(wanted: DesiredProduct): string {
  return `creates ${wanted.productId} ${shortJson(wanted.name)} with a price of ${wantedAmount(wanted)}`;
}

function wantedAmount({ unitAmount, currency }: DesiredProduct): string {
  return `${toMajor(fromStripe(unitAmount, currency), currency)} ${currency}`;
}

function amountOf({ unit_amount: amount, currency }: Price): string {
  const code = currency.toUpperCase();
  return amount === null ? code : `${toMajor(fromStripe(amount, code), code)} ${code}`;
}

const maxShownLength = 80;

function shortJson(value: Json): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength - 1)}…` : text;
}
