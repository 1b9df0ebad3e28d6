import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import { parseCurrency } from '../../money.ts';

const nonEmptyText = z.string().trim().min(1);
const amount = z.string().regex(/^\d+(\.\d+)?$/, 'is no amount such as "800.00"');

const productSchema = z
  .strictObject({
    code: z.string().regex(/^[a-z][a-z0-9_]*$/, 'is no plain lower-case name'),
    name: nonEmptyText,
    /** What the column transaction_type says: P2P, Canva. */
    transactionType: nonEmptyText,
    price: amount,
    /** A sale is of this product when any of these holds. Case and repeated blanks do not count. */
    match: z
      .strictObject({
        descriptionContains: z.array(nonEmptyText).default([]),
        externalIdStartsWith: z.array(nonEmptyText).default([]),
        productIds: z.array(nonEmptyText).default([]),
      })
      .refine((match) => Object.values(match).some((list) => list.length > 0), 'says nothing: no sale would match'),
    /** The tag that a contact gets for buying it. */
    contactTag: nonEmptyText.optional(),
    buyerGets: z.array(z.enum(['profile', 'enrollment'])),
    /** What a contact with the tag paid when no payment is found; absent: then nothing is assumed. */
    manualPayment: amount.optional(),
    /** The id of an existing course that buyers are enrolled in. */
    courseId: z.uuid().optional(),
  })
  .refine(({ buyerGets }) => !buyerGets.includes('enrollment') || buyerGets.includes('profile'), {
    path: ['buyerGets'],
    message: 'an enrollment needs a profile',
  })
  .refine(({ manualPayment, contactTag }) => manualPayment === undefined || contactTag !== undefined, {
    path: ['contactTag'],
    message: 'is needed for a manual payment',
  });

const catalogueSchema = z.strictObject({
  currency: z.string().refine((code) => parseCurrency(code) === code, 'is no currency code of ISO 4217'),
  products: z
    .array(productSchema)
    .refine((list) => new Set(list.map(({ code }) => code)).size === list.length, 'two products have one code'),
  affiliateTags: z.array(nonEmptyText).default([]),
  /** Where contacts came from; the first that fits counts. */
  acquisitionSources: z
    .array(
      z.strictObject({
        source: nonEmptyText,
        urlContains: z.array(nonEmptyText).default([]),
        tags: z.array(nonEmptyText).default([]),
      }),
    )
    .default([]),
});

export type Product = z.output<typeof productSchema>;
export type Catalogue = z.output<typeof catalogueSchema>;

/** The document's own catalogue; `docs/launch-catalogue.json` is the same as a file to begin with. */
export const builtInCatalogue: Catalogue = catalogueSchema.parse({
  currency: 'PHP',
  products: [
    {
      code: 'p2p_course',
      name: 'Papers to Profits course',
      transactionType: 'P2P',
      price: '1000.00',
      match: { descriptionContains: ['papers to profits', 'p2p course'] },
      contactTag: 'PaidP2P',
      buyerGets: ['profile', 'enrollment'],
      manualPayment: '800.00',
    },
    {
      code: 'canva_ebook',
      name: 'Canva ebook',
      transactionType: 'Canva',
      price: '1000.00',
      match: { descriptionContains: ['canva'] },
      contactTag: 'Canva',
      buyerGets: [],
    },
  ],
  affiliateTags: ['Affiliate'],
  acquisitionSources: [
    { source: 'Facebook', urlContains: ['utm_source=facebook', 'fbclid='], tags: ['FBInviteSent'] },
    { source: 'TikTok', urlContains: ['utm_source=tiktok'], tags: ['TikTok lead'] },
    { source: 'Webinar', urlContains: ['/webinar'], tags: ['webinar'] },
  ],
});

/** The catalogue of a file, or the built-in one. Throws CONFIGURATION naming everything that is wrong with it. */
export async function loadCatalogue(path: string | undefined): Promise<Catalogue> {
  if (path === undefined || path.trim() === '') return builtInCatalogue;
  const parsed = catalogueSchema.safeParse(await readJsonFile(path));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`);
  throw invalidCatalogue(path, problems.join('; '));
}

async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw invalidCatalogue(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function invalidCatalogue(path: string, why: string, cause?: unknown): DroverError {
  return new DroverError('CONFIGURATION', `LAUNCH_CATALOGUE ${path}: ${why}`, {
    cause,
    remedy: 'Correct the file; docs/launch-catalogue.json is one to begin with.',
  });
}

/** What decides of which product a sale is. */
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
