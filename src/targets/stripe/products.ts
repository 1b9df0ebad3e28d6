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

/** What became of a record, or would. `product` and `price` are what Stripe answered; none in a forecast of a new one. */
export interface ProductOutcome {
  readonly kind: 'created' | 'updated' | 'repriced' | 'unchanged' | 'exists';
  readonly message: string;
  readonly product: Product | undefined;
  readonly price: Price | undefined;
  /** The row named a product that this account and mode do not have. */
  readonly stale: boolean;
}

export interface ProductWriter {
  preview(wanted: DesiredProduct, known: RecordedIds, options: ApiOptions): Promise<ProductOutcome | ApiRefusal>;
  /** `again`: it may have been begun before, so everything is looked up before anything is sent. */
  write(
    wanted: DesiredProduct,
    known: RecordedIds,
    again: boolean,
    options: ApiOptions,
    effects: Effects,
  ): Promise<ProductOutcome | ApiRefusal>;
}

/** Products with one price each, made once, changed where they differ. */
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
        // Of another application, or ours from an earlier run: looked at like any other.
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

/** Pure: what a decision comes to, in words. */
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
    const message = `${product?.id} is there, and the run skips what is`;
    return { kind: 'exists', message, product, price: prices[0], stale };
  }
  const kind = isNoop(decision) ? 'unchanged' : isRepriced(decision) ? 'repriced' : 'updated';
  return { kind, message: describeChange(decision, wanted), product, price: decision.price, stale };
}

/** Another price is sold than before, a new one or one that was archived. */
function isRepriced({ product, price, reactivate }: ProductChange): boolean {
  return price === undefined || (reactivate && ![undefined, price.id].includes(defaultPrice(product)?.id));
}

/** What this run made without receiving the answer: the run's mark identifies it, so that a rollback knows it. */
async function recordOwnObjects({ product, prices }: FoundObjects, runId: string, effects: Effects): Promise<void> {
  const isOurs = ({ metadata }: Pick<Product, 'metadata'>): boolean => metadata[metadataKeys.run] === runId;
  const made = product !== undefined && isOurs(product);
  if (made) await effects.recordCreated({ kind: 'product', id: product.id });
  // The price that came with the product has no mark of its own before it gets its lookup key.
  const unmarked = made ? defaultPrice(product) : undefined;
  for (const price of prices) {
    const cameAlong = price.id === unmarked?.id && price.metadata[metadataKeys.run] === undefined;
    if (isOurs(price) || cameAlong) await effects.recordCreated({ kind: 'price', id: price.id });
  }
}

function lookupKeyTakenMeanwhile({ lookupKey }: DesiredProduct): ApiRefusal {
  const message = `the lookup key ${lookupKey} was taken by another price meanwhile`;
  return { kind: 'refused', code: 'LOOKUP_KEY_TAKEN', message, field: 'id' };
}

/** The ids a written record has. Throws when there are none, which only a forecast may have. */
export function idsOf({ product, price }: ProductOutcome): { readonly product: string; readonly price: string } {
  if (product && price) return { product: product.id, price: price.id };
  throw new DroverError('INTERNAL', 'a product was written and its ids are not known');
}

/** What is done to a product, field by field, in a line. */
function describeChange(change: ProductChange, wanted: DesiredProduct): string {
  const {
    product,
    price,
    differences,
    reactivate: revive,
    moveLookupKey: takeKey,
    makeDefault,
    pricesToArchive: retired,
  } = change;
  const parts = differences.map(({ field, from, to }) => `${field}: ${shortJson(from)} → ${shortJson(to)}`);
  if (price === undefined) parts.push(`new price ${wantedAmount(wanted)}`);
  if (price && revive) parts.push(`price ${price.id}: sold again`);
  if (price && takeKey)
    parts.push(`price ${price.id}: lookup key ${shortJson(price.lookup_key)} → ${shortJson(wanted.lookupKey)}`);
  if (price && makeDefault) parts.push(`default price: ${price.id}`);
  for (const old of retired) parts.push(`price ${old.id} (${amountOf(old)}) archived`);
  return `${product.id}: ${parts.join('; ') || 'nothing changes'}`;
}

function describeCreate(wanted: DesiredProduct): string {
  return `makes ${wanted.productId} ${shortJson(wanted.name)} with a price of ${wantedAmount(wanted)}`;
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
