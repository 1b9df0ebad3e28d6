import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { emailKey, emailSpellings } from '../src/email.ts';
import { emailKeySql } from '../src/plan/sql.ts';
import { createDatabase, type TestDatabase } from './helpers/database.ts';

test.each([
  [' Ann@Example.COM ', 'ann@example.com'],
  ['ann\u200b@example.com', 'ann@example.com'],
  ['\u2067ann\u2069@example.com', 'ann@example.com'],
  ['ann\ufe0f@example.com', 'ann@example.com'],
  ['jose\u0301@example.com', 'jos\u00e9@example.com'],
  ['STRASSE@example.com', 'strasse@example.com'],
  ['stra\u00dfe@example.com', 'strasse@example.com'],
  ['\u039f\u0394\u039f\u03a3@example.com', '\u03bf\u03b4\u03bf\u03c3@example.com'],
  ['\u03bf\u03b4\u03bf\u03c2@example.com', '\u03bf\u03b4\u03bf\u03c3@example.com'],
  ['\ufb01ona.\u017fmith@example.com', 'fiona.smith@example.com'],
  ['\u00b5@example.com', '\u03bc@example.com'],
  ['x@B\u00dcCHER.example', 'x@xn--bcher-kva.example'],
  ['a.b+tag@example.com', 'a.b+tag@example.com'],
])('%j is the person %s', (written, key) => {
  expect(emailKey(written)).toBe(key);
  expect(emailKey(key)).toBe(key);
});

test.each(['', 'ann', 'ann@', '@example.com', 'a b@example.com', 'ann@example', 5, null])(
  '%j is no address',
  (value) => {
    expect(emailKey(value)).toBeNull();
  },
);

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  client = new pg.Client(database.url);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

it('has no spelling that is an address of another domain', () => {
  expect(emailSpellings('a@xn--bcher-kva.example')).toEqual(['a@xn--bcher-kva.example', 'a@b\u00fccher.example']);
  // faß.example and fass.example may have two owners.
  expect(emailSpellings('a@xn--fa-hia.example')).toEqual(['a@xn--fa-hia.example']);
});

/** The keys that SQL makes of the texts. */
async function keysInSql(texts: readonly string[]): Promise<string[]> {
  const text = `SELECT ${emailKeySql('w')} AS key FROM unnest($1::text[]) WITH ORDINALITY AS x(w, n) ORDER BY n`;
  const { rows } = await client.query(text, [texts]);
  return rows.map((row) => row.key);
}

/** The texts of which the database knows every character. */
async function inUnicodeOfDatabase(texts: readonly string[]): Promise<string[]> {
  const text = 'SELECT w FROM unnest($1::text[]) WITH ORDINALITY AS x(w, n) WHERE unicode_assigned(w) ORDER BY n';
  const { rows } = await client.query(text, [texts]);
  return rows.map((row) => row.w);
}

const awkward = fc.constantFrom(...'abZ.+é\u0301ßẞΣσςİıÄö\u00ad\u200b\u200d\u2066\ufe0f\ufeffñΩ日ǅﬁſµϐẛʼn');
const anyLetter = fc.oneof(awkward, fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }));
const local = fc.array(anyLetter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));
const padding = fc.constantFrom('', ' ', '\u00a0', '\t', '\u3000', '\ufeff', '\u2028');
const asciiDomain = fc.constantFrom('example.com', 'EXAMPLE.com', 'xn--bcher-kva.example', 'exam\u00adple.com');
const letterDomain = fc.constantFrom(
  'B\u00fccher.example',
  'bu\u0308cher.example',
  'Stra\u00dfe.example',
  '\u4f8b.example',
);

/** Addresses as a column of PostgreSQL can hold them: no zero byte, no half of a pair. */
const stored = (domain: fc.Arbitrary<string>) =>
  fc
    .tuple(padding, local, domain, padding)
    .map(([before, name, at, after]) => `${before}${name}@${at}${after}`.replaceAll('\0', '').toWellFormed())
    .filter((address) => emailKey(address) !== null);

// Letters of a Unicode version that the database does not have yet have no lower case there.
it('is the same in SQL as in TypeScript where the domain is ASCII', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stored(asciiDomain), { minLength: 30, maxLength: 30 }), async (written) => {
      const known = await inUnicodeOfDatabase(written);
      expect(await keysInSql(known)).toEqual(known.map((address) => emailKey(address)));
    }),
    { numRuns: 60 },
  );
});

it('is of one of its spellings in SQL where the domain is in letters', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stored(letterDomain), { minLength: 20, maxLength: 20 }), async (written) => {
      const known = await inUnicodeOfDatabase(written);
      const keys = await keysInSql(known);
      for (const [n, address] of known.entries()) {
        expect(await keysInSql(emailSpellings(address)), address).toContain(keys[n]);
      }
    }),
    { numRuns: 15 },
  );
});

it('is a key of itself', () => {
  fc.assert(
    fc.property(stored(fc.oneof(asciiDomain, letterDomain)), (address) => {
      const key = emailKey(address);
      expect(emailKey(key)).toBe(key);
    }),
    { numRuns: 3000 },
  );
});
