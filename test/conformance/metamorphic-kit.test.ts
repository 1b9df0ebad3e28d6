import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { emailKey } from '../../src/email.ts';
import { parseAmountText } from '../../src/money.ts';
import { metamorphicChecks } from '../../src/plan/conformance/metamorphic/checks.ts';
import type { SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import type { Entity, Plan, RejectOutcome } from '../../src/plan/contract.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { createCsvSource } from '../../src/sources/csv/source.ts';

// The metamorphic checks must find what is wrong: a plan of one file that is sound, and the same plan with one fault of issue 9
// each, as it was before it was mended.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-kit-'));
});
afterAll(() => rm(folder, { recursive: true }));

const upstreams = () => {
  throw new Error('a file needs no upstream');
};

/** How the plan reads a sale; each test replaces one of these by what is wrong. */
const sound = {
  columns: ['Kind', 'Amount', 'Currency', 'Email', 'Paid At', 'Buyer'],
  day: (text: string): string | null | undefined =>
    text === '' ? null : /^\d{4}-\d\d-\d\d \d\d:\d\d$/.test(text) && !text.includes('02-30') ? text : undefined,
  amount: (text: string, currency: string): string | undefined => parseAmountText(text, currency),
  email: (text: string): string | null => emailKey(text),
  buyer: (text: string): string => text,
  unknownKind: { kind: 'reject', code: 'UNKNOWN_KIND', field: 'Kind', message: 'is none' } as ReturnType<
    Entity['transform']
  >,
};

type Reader = typeof sound;

function transform(reader: Reader, raw: JsonObject): ReturnType<Entity['transform']> {
  const [kind, amount, currency, email, paid, buyer] = sound.columns.map((name) => String(raw[name] ?? '').trim());
  const reject = (code: string, field: string): RejectOutcome => ({
    kind: 'reject',
    code,
    field,
    message: 'cannot be read',
  });
  if (kind !== 'SALE') return reader.unknownKind;
  if (currency !== 'PHP') return reject('UNKNOWN_CURRENCY', 'Currency');
  const [read, day] = [reader.amount(amount ?? '', currency), reader.day(paid ?? '')];
  if (read === undefined) return reject('BAD_AMOUNT', 'Amount');
  if (day === undefined) return reject('BAD_DATE', 'Paid At');
  const key = reader.email(email ?? '');
  if (key === null) return reject('BAD_EMAIL', 'Email');
  const sourceId = reader.buyer(buyer ?? '');
  if (sourceId === '') return reject('ORPHAN', 'Buyer');
  const row = { amount: read, currency, email: key, paid_at: day };
  return { kind: 'row', row, references: { buyer: { entity: 'buyers', sourceId } } };
}

function describedPlan(change: Partial<Reader>, buyer = 'nina-7'): SourceDescription {
  const reader = { ...sound, ...change };
  const sales: Entity = {
    title: 'Sales',
    dependsOn: [],
    source: ({ settings }) =>
      createCsvSource({
        path: join(String(settings.FOLDER), 'sales.csv'),
        idColumns: ['Id'],
        columns: reader.columns.map((name) => ({ names: [name], required: true })),
      }),
    schema: z.looseObject({}),
    transform: (raw) => transform(reader, raw),
    target: { kind: 'postgres', table: 'sales', naturalKey: ['email'], columns: {} },
  };
  const plan = {
    name: 'shop',
    settings: z.object({ FOLDER: z.string() }),
    params: z.object({}),
    entities: { sales } as Plan['entities'],
  } as unknown as Plan;
  const sale = (id: string, email: string) => ({
    ...{ Id: id, Kind: 'SALE', Amount: '1000', Currency: 'PHP', Email: email, Buyer: buyer },
    'Paid At': '2024-04-02 10:00',
  });
  return {
    title: 'file',
    plan,
    lists: {
      'sales.csv': {
        entity: 'sales',
        columns: {
          Id: { meaning: 'id' },
          Kind: { meaning: 'word' },
          Amount: { meaning: 'amount' },
          Currency: { meaning: 'currency' },
          Email: { meaning: 'email' },
          'Paid At': { meaning: 'date', needs: 'column' },
          Buyer: { meaning: 'reference' },
        },
        records: [sale('s1', 'josé@shop.example'), sale('s2', 'bo@shop.example')],
      },
    },
    serving: { kind: 'files', settings: (path) => ({ FOLDER: path }), params: {} },
  };
}

async function broken(source: SourceDescription): Promise<string[]> {
  const found: string[] = [];
  for (const check of metamorphicChecks(source)) {
    try {
      await check.run({ folder, upstreams });
    } catch {
      found.push(check.guarantee);
    }
  }
  return found;
}

test('a plan that reads every spelling and names every loss breaks nothing', async () => {
  expect(await broken(describedPlan({}))).toEqual([]);
});

test('a reference may have letters beyond ASCII', async () => {
  const [first] = metamorphicChecks(describedPlan({}, 'niño-7'));
  await first?.run({ folder, upstreams });
});

test.each<[string, Partial<Reader>, readonly string[]]>([
  [
    'A2: columns are matched to the letter, and a missing one is not missed',
    { columns: [] },
    [
      'written another way: headers in capitals',
      'written another way: headers in lower case',
      'written another way: headers with blanks around them',
      'written another way: headers with no-break spaces',
      'written another way: headers with underscores for blanks',
      'sales.csv without the column Paid At is never green',
    ],
  ],
  [
    'A2: an unknown word is skipped as none of our business',
    { unknownKind: { kind: 'skip', code: 'NOT_A_SALE', message: 'is no sale' } },
    ['sales.csv, Kind: "unheard-of" is never green without a code that names it'],
  ],
  [
    'A3: a date that cannot be read counts as absent',
    { day: (text) => sound.day(text) ?? null },
    [
      'sales.csv, Paid At: "02-Apr-2024 10:00" is never green without a code that names it',
      'sales.csv, Paid At: "45384.4166" is never green without a code that names it',
    ],
  ],
  [
    'A4: a reference with letters beyond ASCII is taken for no id',
    { buyer: (text) => (/^[\w.:-]+$/.test(text) ? text : '') },
    ['every record of the description is a row, and what it points at is there'],
  ],
  [
    'A4: a reference to no record is turned to one that is there',
    { buyer: () => 'nina-7' },
    ['sales.csv, Buyer: "no-such-record" is never green without a code that names it'],
  ],
  [
    'B7: 1.000 is one',
    { amount: (text) => (Number.isNaN(Number(text)) || text === '' ? undefined : String(Number(text))) },
    ['sales.csv, Amount: a dot that parts thousands is never green without a code that names it'],
  ],
  [
    'B8: an address has the Unicode form of the file',
    { email: (text) => (emailKey(text) === null ? null : text.trim().toLowerCase()) },
    ['written another way: Unicode form NFD', 'written another way: everything at once'],
  ],
])('%s', async (fault, change, guarantees) => {
  const source = describedPlan(change, fault.includes('letters') ? 'niño-7' : undefined);
  expect(await broken(source)).toEqual(expect.arrayContaining([...guarantees]));
});
