import type { Json } from '../../../plan/json.ts';

const maxImages = 8;
const maxUrlLength = 2_048;

export interface Images {
  readonly images: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The pictures Stripe can fetch: absolute addresses, each once, the first eight. `//host/x` means https; one that leads
 * from a page nobody knows (`/uploads/x.png`) leads nowhere and is left out.
 */
export function readImages(first: Json | undefined, more: Json | undefined): Images {
  const given = [first, ...(Array.isArray(more) ? more : [more])].filter((value) => value !== null);
  const texts = given.flatMap((value) => (value === undefined || isBlank(value) ? [] : [value]));
  const addresses = texts.map(addressOf);
  const good = [...new Set(addresses.filter((address) => address !== undefined))];
  const lost = addresses.filter((address) => address === undefined).length;
  return {
    images: good.slice(0, maxImages),
    notes: [
      ...(lost > 0 ? [`${lost} of ${texts.length} images have no address that leads anywhere and are left out`] : []),
      ...(good.length > maxImages ? [`the first ${maxImages} of ${good.length} images count`] : []),
    ],
  };
}

const isBlank = (value: Json): boolean => typeof value === 'string' && value.trim() === '';

function addressOf(value: Json): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const full = text.startsWith('//') ? `https:${text}` : text;
  if (!/^https?:\/\//i.test(full) || !URL.canParse(full)) return undefined;
  const { href } = new URL(full);
  return href.length <= maxUrlLength ? href : undefined;
}
