import type { ProductDraft } from './draft.ts';
import type { Traps } from './lay-traps.ts';

const repeat = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i));

/** Names, descriptions, pictures, metadata. */
export const CONTENT_TRAPS: Traps = {
  'name-blank': {
    perThousand: 5,
    code: 'MISSING_NAME',
    apply: (draft, { random }) => setFields(draft, { name: random.pick([null, '', '   ', '\u00a0']) }),
  },
  'variant-without-title': {
    perThousand: 8,
    code: 'MISSING_NAME',
    apply: (draft, { neighbour }) => setFields(draft, { name: null, handle: neighbour.fields.handle }),
  },
  'name-too-long': {
    perThousand: 2,
    code: 'NAME_TOO_LONG',
    apply: (draft) => setFields(draft, { name: 'Very long name. '.repeat(350) }),
  },
  'name-padded': {
    perThousand: 8,
    apply: (draft) => {
      const name = String(draft.fields.name);
      draft.fields.name = `  ${name}\u00a0`;
      return name;
    },
  },
  'name-repeated': {
    perThousand: 15,
    apply: (draft, { neighbour }) => setFields(draft, { name: neighbour.fields.name }),
  },
  'sku-case-twin': {
    perThousand: 6,
    apply: (draft, { neighbour }) =>
      setFields(draft, {
        sku: String(neighbour.fields.sku).toLowerCase(),
        slug: String(neighbour.fields.slug).toUpperCase(),
      }),
  },
  'description-html': {
    perThousand: 20,
    apply: (draft) => {
      draft.fields.description = '<p>Soft &amp; <b>warm</b>.<br/>Made in Malm\u00f6</p>';
      return 'Soft & warm. Made in Malm\u00f6';
    },
  },
  'images-too-many': {
    perThousand: 5,
    apply: (draft) =>
      setFields(draft, { images: repeat(12, (i) => `https://cdn.example.com/many/${draft.id}-${i}.png`) }),
  },
  'image-protocol-relative': {
    perThousand: 15,
    apply: setImage('//cdn.example.com/x.png', 'https://cdn.example.com/x.png'),
  },
  'image-relative': { perThousand: 8, apply: setImage('/uploads/x.png', '') },
  'image-with-space': {
    perThousand: 6,
    apply: setImage('https://cdn.example.com/my photo.png', 'https://cdn.example.com/my%20photo.png'),
  },
  'metadata-value-too-long': {
    perThousand: 3,
    code: 'BAD_METADATA',
    apply: (draft) => setFields(draft, { metadata: { care: 'Wash cold. '.repeat(60) } }),
  },
  'metadata-too-many-keys': {
    perThousand: 2,
    code: 'BAD_METADATA',
    apply: (draft) =>
      setFields(draft, { metadata: Object.fromEntries(repeat(60, (i) => `field_${i}`).map((key) => [key, 'x'])) }),
  },
  'metadata-bracket-key': {
    perThousand: 3,
    code: 'BAD_METADATA',
    apply: (draft) => setFields(draft, { metadata: { 'size[eu]': '42' } }),
  },
};

function setFields(draft: ProductDraft, fields: Readonly<Record<string, unknown>>): undefined {
  Object.assign(draft.fields, fields);
  return undefined;
}

function setImage(spelled: string, means: string) {
  return (draft: ProductDraft) => {
    draft.fields.image_url = spelled;
    draft.fields.images = [];
    return means;
  };
}
