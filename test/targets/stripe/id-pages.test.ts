import { expect, test } from 'vitest';
import { idPages } from '../../../src/targets/stripe/compare.ts';

const addressOf = (ids: readonly string[]): string =>
  `/v1/products?limit=100&expand[0]=data.default_price&${ids.map((id, i) => `ids%5B${i}%5D=${encodeURIComponent(id)}`).join('&')}`;

test.each([
  ['short', 'cms_42', 3],
  ['of UUIDs', `cms_${crypto.randomUUID()}`, 3],
  ['of eighty characters', `cms_${'x'.repeat(80)}`, 5],
  ['of other alphabets', 'ñ'.repeat(200), 63],
])('ids %s fit into lists of a hundred and into URLs that any server accepts', (_what, id, pages) => {
  const ids = Array.from({ length: 250 }, (_, i) => `${id}${i}`);
  const made = idPages(ids);
  expect(made.flat()).toEqual(ids);
  expect(made.length).toBe(pages);
  for (const page of made) {
    expect(page.length).toBeLessThanOrEqual(100);
    expect(addressOf(page).length).toBeLessThan(8_000);
  }
  expect(idPages([])).toEqual([]);
});
