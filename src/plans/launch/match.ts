import type { Catalogue, Product } from './catalogue.ts';

/** What tells of which product a sale is. */
export interface SaleDescription {
  readonly description: string | null;
  readonly externalId: string | null;
  readonly productId: string | null;
}

/** Every product whose rules fit. One is right; none or several is for a person to decide. */
export function matchProducts({ products }: Catalogue, sale: SaleDescription): readonly Product[] {
  const [description, externalId] = [normalizedText(sale.description), normalizedText(sale.externalId)];
  return products.filter(
    ({ match }) =>
      match.descriptionContains.some((text) => description.includes(normalizedText(text))) ||
      match.externalIdStartsWith.some((text) => externalId.startsWith(normalizedText(text))) ||
      (sale.productId !== null && match.productIds.includes(sale.productId)),
  );
}

/** Where a contact came from, by the catalogue's rules; `Website` when there is only a page, `Unknown` without one. */
export function acquisitionSource(
  { acquisitionSources }: Catalogue,
  url: string | null,
  tags: readonly string[],
): string {
  const [address, own] = [normalizedText(url), new Set(tags.map(normalizedText))];
  const byUrl = acquisitionSources.find(({ urlContains }) =>
    urlContains.some((text) => address.includes(normalizedText(text))),
  );
  const found = byUrl ?? acquisitionSources.find((rule) => rule.tags.some((tag) => own.has(normalizedText(tag))));
  return found?.source ?? (address === '' ? 'Unknown' : 'Website');
}

/** Texts are compared without case and with single blanks. */
export function normalizedText(text: string | null | undefined): string {
  return (text ?? '').normalize('NFKC').replace(/\s+/g, ' ').trim().toLowerCase();
}
