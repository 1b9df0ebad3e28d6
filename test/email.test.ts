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

it('is the same in SQL, of every spelling that a row may have', async () => {
  const letter = fc.constantFrom(...'abZ.+é\u0301ßẞΣσςİıÄö\u200b\u2066\ufe0fñΩ日ǅ');
  const local = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));
  const domain = fc.constantFrom(
    'example.com',
    'B\u00fccher.example',
    'xn--bcher-kva.example',
    'Stra\u00dfe.example',
    '\u4f8b.example',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(local, domain), { minLength: 20, maxLength: 20 }), async (addresses) => {
      const written = addresses.map(([name, at]) => `${name}@${at}`).filter((address) => emailKey(address) !== null);
      const { rows } = await client.query(`SELECT ${emailKeySql('w')} AS key FROM unnest($1::text[]) AS w`, [written]);
      for (const [n, { key }] of rows.entries()) {
        // SQL knows no ASCII form of a domain: a look-up passes every spelling, in the same form.
        const { rows: spelled } = await client.query(`SELECT ${emailKeySql('w')} AS key FROM unnest($1::text[]) AS w`, [
          emailSpellings(written[n]),
        ]);
        expect(
          spelled.map((row) => row.key),
          written[n],
        ).toContain(key);
      }
    }),
    { numRuns: 30 },
  );
});
