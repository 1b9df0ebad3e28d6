/** What a record is to be in Stripe: one product with one price. */
export interface DesiredProduct {
  /** The record's id in its source; the mark `cms_id` in the metadata of what is made for it. */
  readonly recordId: string;
  /** The product's id where it is ours to choose. */
  readonly productId: string;
  readonly lookupKey: string;
  readonly name: string;
  readonly description: string | null;
  readonly images: readonly string[];
  readonly active: boolean;
  /** Without our marks. */
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** As Stripe counts it. */
  readonly unitAmount: number;
}

/** What the source's row says was made for it earlier. */
export interface RecordedIds {
  readonly productId: string | null;
  readonly priceId: string | null;
  /** The row says that it is done. */
  readonly synced: boolean;
}

/** Metadata that tells whose an object is, and which run made it. */
export const metadataKeys = { record: 'cms_id', run: 'drover_run' } as const;
