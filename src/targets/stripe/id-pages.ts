// The most ids a list takes; and they travel in the address, which nobody promises to take beyond eight thousand
// characters. Ids of forty characters, as of UUIDs, still go by the hundred.
const maxIds = 100;
const maxCharacters = 6_000;
// `ids[99]=...&`, with its brackets encoded.
const charactersAroundId = 14;

/** Ids in lists that one request can name each. */
export function idPages(ids: readonly string[]): string[][] {
  const pages: string[][] = [];
  let page: string[] = [];
  let characters = 0;
  for (const id of ids) {
    const length = encodeURIComponent(id).length + charactersAroundId;
    if (page.length === maxIds || (page.length > 0 && characters + length > maxCharacters)) {
      pages.push(page);
      [page, characters] = [[], 0];
    }
    page.push(id);
    characters += length;
  }
  return page.length === 0 ? pages : [...pages, page];
}
