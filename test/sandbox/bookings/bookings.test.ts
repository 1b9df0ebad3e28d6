import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { nodeArgs } from '../../../scripts/stack/compiled.ts';
import { BookingsGenerator, type BookingsOptions } from '../../../src/sandbox/bookings/generate.ts';
import { ManifestBuilder } from '../../../src/sandbox/bookings/manifest.ts';
import { makeBookings } from '../../../src/sandbox/bookings/sandbox.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

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

const rowsOf = async (schema: string): Promise<unknown[]> =>
  (await client.query(`SELECT b::text FROM ${schema}.bookings b ORDER BY id`)).rows;

async function writeFor(schema: string, operations: number): Promise<ReadonlyMap<string, string | null>> {
  const sandbox = await makeBookings({ databaseUrl: database.url, schema }, { rows: 200, seed: 3 });
  const writer = await sandbox.write(2_000, operations);
  while (writer.took.length < operations) await new Promise((resolve) => setTimeout(resolve, 5));
  await writer.stop();
  expect((await rowsOf(schema)).length).toBe(sandbox.named.size);
  return sandbox.named;
}

describe('the rows', () => {
  const rows = (options: BookingsOptions, count = 2_000) => {
    const generator = new BookingsGenerator({ rows: count, ...options });
    return Array.from({ length: count }, (_, n) => generator.booking(n + 1));
  };

  it('are the same for the same seed, and others for another', () => {
    expect(rows({ seed: 1 })).toEqual(rows({ seed: 1 }));
    expect(rows({ seed: 1 })).not.toEqual(rows({ seed: 2 }));
  });

  it('have every kind of dirt', () => {
    const all = rows({}, 20_000);
    const contacts = all.map(({ contact }) => contact ?? 'NULL');
    const has = (pattern: RegExp) => contacts.filter((text) => pattern.test(text)).length;
    const counts = {
      ...{ object: has(/^\{/), text: has(/^"\{/), twice: has(/^"\\"\{/), nothing: has(/^(NULL|null|""|\{\})$/) },
      ...{ zeroWidth: has(/[\u200b\ufeff\u2060]/), decomposed: has(/[\u0300-\u036f]/), capitals: has(/@[A-Z.]+/) },
      ...{ letters: has(/@b\u00fccher/), ascii: has(/@xn--/), tags: has(/\+(work|shop|x)@/), zero: 0 },
      lowerStatus: all.filter(({ status }) => status === 'paid').length,
      mixedStatus: all.filter(({ status }) => status === 'Paid').length,
      noAmount: all.filter(({ amount }) => amount === null).length,
      noMethod: all.filter(({ method }) => method === null).length,
      noReference: all.filter(({ reference }) => reference === null).length,
      noDate: all.filter(({ paidAt }) => paidAt === null).length,
    };
    counts.zero = all.filter(({ amount }) => amount === '0.00').length;
    expect(Object.entries(counts).filter(([, n]) => n === 0)).toEqual([]);
  });

  it('are clean without dirt', () => {
    const builder = new ManifestBuilder();
    for (const booking of rows({ dirt: 0 })) builder.add(booking);
    const { unusable, refused, usersWithDiscardedValues } = builder.manifest(7);
    expect([...Object.values(unusable), ...Object.values(refused)].flat()).toEqual([]);
    expect(usersWithDiscardedValues).toBe(0);
  });
});

describe('the table', () => {
  it.each([
    { contactType: 'jsonb', amountType: 'numeric', idType: 'int' },
    { contactType: 'text', amountType: 'double', idType: 'uuid' },
    { contactType: 'text', amountType: 'numeric', idType: 'text' },
  ] as const)('has the types %j and the rows of the manifest', async (types) => {
    const { manifest } = await makeBookings({ databaseUrl: database.url, schema: 'types' }, { rows: 300, ...types });
    const found = await client.query(
      `SELECT count(*)::int AS rows, pg_typeof(min(id::text))::text AS t FROM types.bookings`,
    );
    expect(found.rows[0]).toMatchObject({ rows: 300 });
    const paid = manifest.payments.count + manifest.notPaid + Object.values(manifest.refused).flat().length;
    expect(paid).toBe(300);
  });

  it('is changed by a writer, which knows whom each row names, and by the same operations each time', async () => {
    const first = await writeFor('first', 100);
    expect([...first.keys()].some((id) => Number(id) > 200)).toBe(true);
    expect([...Array(200).keys()].some((n) => !first.has(String(n + 1)))).toBe(true);
    const changed = await rowsOf('first');
    expect(await writeFor('second', 100)).toEqual(first);
    expect(await rowsOf('second')).toEqual(changed);
  });
});

describe('the command', () => {
  it('makes a table in the database of the environment, writes the manifest and ends', async () => {
    const manifest = join(inject('testFolder'), 'bookings-manifest.json');
    const args = ['bookings', '--rows', '120', '--schema', 'cli', '--manifest', manifest];
    const child = spawn(process.execPath, nodeArgs('src/sandbox/main.ts', args), {
      env: { ...process.env, DATABASE_URL: 'postgres://127.0.0.1:1/wrong', SOURCE_DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const [code] = await once(child, 'close');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/"cli"\.bookings.*\n +rows +120\n/) });
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ rows: 120, seed: 7 });
    expect(await rowsOf('cli')).toHaveLength(120);
  });
});
