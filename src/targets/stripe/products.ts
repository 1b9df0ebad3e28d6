import { DroverError } from '../../errors.ts';
import type { ApiOptions, ApiRefusal, Effects } from '../../plan/api-target.ts';
import type { Price, Product, StripeCatalog } from '../../upstreams/stripe/client.ts';
import { stripeErrorInfo } from '../../upstreams/stripe/refusal.ts';
import { type Decision, decide, isNoop } from './decide.ts';
import { describeChange, describeCreate } from './describe.ts';
import { defaultPrice, type FoundObjects, findObjects } from './look.ts';
import { type DesiredProduct, metadataKeys, type RecordedIds } from './wanted.ts';
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
        // Somebody's, or our own from a run before: looked at like any other.
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
  const kind = isNoop(decision) ? 'unchanged' : decision.price === undefined ? 'repriced' : 'updated';
  return { kind, message: describeChange(decision, wanted), product, price: decision.price, stale };
}

/** What this run made and never heard of: it is told by the run's mark, so that a rollback knows it. */
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
