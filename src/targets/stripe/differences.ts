import type { Json, JsonObject } from '../../plan/json.ts';
import type { Product } from '../../upstreams/stripe/client.ts';
import { type DesiredProduct, metadataKeys } from './wanted.ts';

/** A field of a product that is not as it should be. */
export interface Difference {
  readonly field: string;
  readonly from: Json;
  readonly to: Json;
}

/** What has to change of a product, field by field. Metadata of others is left alone. */
export function differencesOf(product: Product, wanted: DesiredProduct): readonly Difference[] {
  const pairs: readonly (readonly [string, Json, Json])[] = [
    ['name', product.name, wanted.name],
    ['description', product.description ?? null, wanted.description],
    ['images', product.images, wanted.images],
    ['active', product.active, wanted.active],
    ...metadataPairs(product, wanted),
  ];
  return pairs
    .filter(([, from, to]) => JSON.stringify(from) !== JSON.stringify(to))
    .map(([field, from, to]) => {
      return { field, from, to };
    });
}

/** The parameters that make the changes. An empty text unsets. */
export function updateParams(differences: readonly Difference[]): JsonObject {
  const fields: Record<string, Json> = {};
  const metadata: Record<string, Json> = {};
  for (const { field, to } of differences) {
    const key = metadataKey(field);
    if (key === undefined) fields[field] = isEmpty(to) ? '' : to;
    else metadata[key] = to;
  }
  return { ...fields, ...(Object.keys(metadata).length > 0 ? { metadata } : {}) };
}

/** What the changes leave, as Stripe shows it. */
export function fieldsAfter(differences: readonly Difference[]): JsonObject {
  const plain = differences.filter(({ field }) => metadataKey(field) === undefined);
  const metadata = differences.flatMap(({ field, to }) => {
    const key = metadataKey(field);
    return key === undefined ? [] : [[key, to] as const];
  });
  const fields = Object.fromEntries(plain.map(({ field, to }) => [field, to]));
  return { ...fields, ...(metadata.length > 0 ? { metadata: Object.fromEntries(metadata) } : {}) };
}

function metadataPairs(product: Product, wanted: DesiredProduct): [string, Json, Json][] {
  const all = { ...wanted.metadata, [metadataKeys.record]: wanted.recordId };
  return Object.entries(all).map(([key, value]) => [`metadata.${key}`, product.metadata[key] ?? null, value]);
}

function metadataKey(field: string): string | undefined {
  return field.startsWith('metadata.') ? field.slice('metadata.'.length) : undefined;
}

function isEmpty(value: Json): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
