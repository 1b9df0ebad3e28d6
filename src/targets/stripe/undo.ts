import { randomUUID } from 'node:crypto';
import { DroverError } from '../../errors.ts';
import type { BeforeImage, UndoResult } from '../../plan/api-target.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { PriceUpdate, ProductUpdate, StripeCatalog } from '../../upstreams/stripe/client.ts';
import { priceFields, productFields } from './lookup.ts';

const done: UndoResult = { kind: 'done' };

/**
 * The order in which a record's objects are restored: old prices first, so that the product can get its old default price
 * back; then the product; and last the prices the run created or reactivated, when no product has them as its default.
 */
export function undoOrder({ kind, operation, before }: BeforeImage): number {
  if (kind === 'price') return operation === 'update' && before?.active !== false ? 0 : 2;
  return kind === 'product' ? 1 : 3;
}

/**
 * Undoes the changes of one object. An object the run created is archived, because Stripe deletes no price and no product
 * that has one; an object it changed gets its fields back, unless another client has changed them since.
 */
export async function undoObject(stripe: StripeCatalog, image: BeforeImage): Promise<UndoResult> {
  try {
    if (image.operation === 'create') return await archive(stripe, image);
    return image.kind === 'product' ? await restoreProduct(stripe, image) : await restorePrice(stripe, image);
  } catch (thrown) {
    if (!(thrown instanceof DroverError) || thrown.code !== 'UPSTREAM_REJECTED') throw thrown;
    // For example an archived default price: Stripe cannot restore it.
    return { kind: 'conflict', detail: `${image.kind} ${image.id}: ${thrown.message}`, final: true };
  }
}

async function archive(stripe: StripeCatalog, { kind, id }: BeforeImage): Promise<UndoResult> {
  if (kind === 'price') {
    const price = await stripe.price(id);
    if (price?.active) await stripe.updatePrice(id, { active: false }, randomUUID());
    return done;
  }
  const product = await stripe.product(id);
  if (product === undefined) return done;
  // A default price cannot be archived, so the product's reference to it is removed first.
  const update: ProductUpdate = { active: false, ...(product.default_price ? { default_price: '' } : {}) };
  if (product.active || product.default_price) await stripe.updateProduct(id, update, randomUUID());
  return done;
}

async function restoreProduct(stripe: StripeCatalog, image: BeforeImage): Promise<UndoResult> {
  const product = await stripe.product(image.id);
  if (product === undefined) return missingObject(image);
  const back = fieldsToRestore(image, productFields(product));
  if (typeof back === 'string') return { kind: 'conflict', detail: back, final: false };
  if (Object.keys(back).length > 0) await stripe.updateProduct(image.id, back as ProductUpdate, randomUUID());
  return done;
}

async function restorePrice(stripe: StripeCatalog, image: BeforeImage): Promise<UndoResult> {
  const price = await stripe.price(image.id);
  if (price === undefined) return missingObject(image);
  const back = fieldsToRestore(image, priceFields(price));
  if (typeof back === 'string') return { kind: 'conflict', detail: back, final: false };
  const transfer = typeof back.lookup_key === 'string' && back.lookup_key !== '' ? { transfer_lookup_key: true } : {};
  const update = { ...back, ...transfer } as PriceUpdate;
  if (Object.keys(back).length > 0) await stripe.updatePrice(image.id, update, randomUUID());
  return done;
}

/** Pure: the parameters that restore the fields, or a message when another client has changed one since. */
export function fieldsToRestore({ kind, id, before, after }: BeforeImage, now: JsonObject): JsonObject | string {
  const back: Record<string, Json> = {};
  const changed: string[] = [];
  for (const [field, written, was, is] of writtenFields(before ?? {}, after, now)) {
    if (isSameJson(is, was)) continue;
    if (!isSameJson(is, written)) changed.push(field);
    else if (field.startsWith('metadata.'))
      back.metadata = { ...(back.metadata as JsonObject), [field.slice(9)]: was ?? '' };
    else back[field] = was === null || (Array.isArray(was) && was.length === 0) ? '' : was;
  }
  if (changed.length === 0) return back;
  return `${kind} ${id}: ${changed.join(', ')} was changed since by someone else`;
}

type Field = readonly [name: string, written: Json, was: Json, is: Json];

function writtenFields(before: JsonObject, after: JsonObject, now: JsonObject): Field[] {
  return Object.entries(after).flatMap(([field, written]): Field[] => {
    if (field !== 'metadata') return [[field, written, before[field] ?? null, now[field] ?? null]];
    const [was, is] = [before.metadata as JsonObject, now.metadata as JsonObject];
    return Object.entries(written as JsonObject).map(([key, value]): Field => {
      return [`metadata.${key}`, value, was[key] ?? null, is[key] ?? null];
    });
  });
}

const isSameJson = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

function missingObject({ kind, id }: BeforeImage): UndoResult {
  return { kind: 'conflict', detail: `${kind} ${id} no longer exists`, final: true };
}
