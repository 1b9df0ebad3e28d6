import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DateTime } from 'luxon';
import { afterAll, describe, expect, it } from 'vitest';
import type { SourceRecord } from '../../../src/plan/contract.ts';
import type { Json, JsonObject } from '../../../src/plan/json.ts';
import type { EntityName } from '../../../src/plans/bubble/entity-names.ts';
import plan from '../../../src/plans/bubble/index.ts';

const root = mkdtempSync(join(tmpdir(), 'drover-bubble-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

const signal = new AbortController().signal;
const noUpstreams = () => {
  throw new Error('a file needs no upstream');
};

function folder(files: Readonly<Record<string, string>>): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, `${name}.csv`), text);
  return path;
}

function sourceOf(entity: EntityName, exportDir: string, params: JsonObject = {}) {
  const all = plan.params.parse({ skipExport: true, exportDir, ...params });
  return plan.entities[entity].source({
    entity,
    settings: { MIGRATION_EXPORT_DIR: root },
    params: all,
    upstreams: noUpstreams,
  });
}

async function outcomes(entity: EntityName, exportDir: string, params: JsonObject = {}, scope = {}) {
  const source = sourceOf(entity, exportDir, params);
  const records: SourceRecord[] = [];
  let cursor: Json | null = null;
  do {
    const page = await source.read(cursor, scope, signal);
    records.push(...page.records);
    cursor = page.cursor;
  } while (cursor !== null);
  return records.map(({ sourceId, raw }) => plan.entities[entity].transform(raw, { sourceId, params }));
}

const id = (ms: number, n = 1) => `${ms}x${String(n).padStart(18, '1')}`;
const at = (iso: string) => Date.parse(iso);
const shown = (ms: number, zone: string) =>
  DateTime.fromMillis(ms, { zone })
    .toFormat('LLL d, yyyy h:mm a', { locale: 'en-US' })
    .replace('AM', 'am')
    .replace('PM', 'pm');

/** A file of bookings as Bubble exports them, by somebody in the zone. */
function bookings(zone: string, rows: readonly { made: string; session: string }[]): string {
  const lines = rows.map(({ made, session }, n) =>
    [shown(at(session), zone), '60', 'complete', id(1, 1), id(1, 2), shown(at(made), zone), id(at(made), n)]
      .map((cell) => `"${cell}"`)
      .join(','),
  );
  const header =
    '"session_date","duration","booking_status","client_user_id","coach_user_id","Creation Date","unique id"';
  return `\ufeff${[header, ...lines].join('\r\n')}`;
}

const sessions = (list: readonly { kind: string; row?: JsonObject; code?: string }[]) =>
  list.map((outcome) => outcome.row?.session_datetime ?? outcome.code);

describe('the zone of Bubble’s own export', () => {
  const year = Array.from({ length: 12 }, (_, month) => {
    const made = new Date(Date.UTC(2024, month, 5, 10, 7, 33)).toISOString();
    return { made, session: new Date(Date.UTC(2024, month, 25, 15, 30)).toISOString() };
  });
  const wanted = year.map(({ session }) => session);

  it.each(['Asia/Manila', 'UTC', 'Asia/Kathmandu', 'America/Bogota', 'Pacific/Kiritimati'])(
    'is found: %s',
    async (zone) => {
      expect(sessions(await outcomes('bookings', folder({ bookings: bookings(zone, year) })))).toEqual(wanted);
    },
  );

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    'is not guessed where clocks change: %s',
    async (zone) => {
      const exportDir = folder({ bookings: bookings(zone, year) });
      await expect(outcomes('bookings', exportDir)).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: expect.stringContaining('disagree'),
        remedy: expect.stringContaining('csvTimeZone'),
      });
      expect(sessions(await outcomes('bookings', exportDir, { csvTimeZone: zone }))).toEqual(wanted);
    },
  );

  it('found in winter does not hold in summer, where it may be another', async () => {
    const winter = [
      { made: '2024-01-05T10:00:00Z', session: '2024-01-25T15:30:00Z' },
      { made: '2024-02-05T10:00:00Z', session: '2024-04-25T15:30:00Z' },
    ];
    const exportDir = folder({ bookings: bookings('America/New_York', winter) });
    expect(sessions(await outcomes('bookings', exportDir))).toEqual(['2024-01-25T15:30:00.000Z', 'BAD_DATE']);
  });

  it('does not mind a row in a hundred that was imported', async () => {
    const many = Array.from({ length: 200 }, (_, n) => year[n % 12] as (typeof year)[number]);
    const text = bookings('Asia/Manila', many).replace(/"Jan 5, 2024 6:07 pm"/, '"Jan 5, 2019 3:01 am"');
    expect(sessions(await outcomes('bookings', folder({ bookings: text })))).toEqual(
      many.map(({ session }) => session),
    );
  });

  it('is refused when dates and ids have nothing to do with each other', async () => {
    const text = bookings('Asia/Manila', year).replaceAll(', 2024 6:07 pm', ', 2019 6:02 pm');
    await expect(outcomes('bookings', folder({ bookings: text }))).rejects.toMatchObject({ code: 'CONFIGURATION' });
  });

  it('stays unknown without unique ids, and only dates that need it are rejected', async () => {
    const text =
      'id,session_date,duration,status,client,coach\n1,"Jan 5, 2024 3:04 pm",60,complete,1,2\n2,2024-01-05T15:04:00Z,60,complete,1,2\n';
    expect(sessions(await outcomes('bookings', folder({ bookings: text })))).toEqual([
      'BAD_DATE',
      '2024-01-05T15:04:00.000Z',
    ]);
  });

  it('travels in the cursor, so that a resume does not look for it again', async () => {
    const rows = Array.from({ length: 50 }, (_, n) => year.map((row) => ({ ...row, n }))).flat();
    const exportDir = folder({ bookings: bookings('Asia/Manila', rows) });
    const first = await sourceOf('bookings', exportDir).read(null, {}, signal);
    expect(first.cursor).toMatchObject({ zone: { offset: 480 } });
    const rest = await sourceOf('bookings', exportDir).read(JSON.parse(JSON.stringify(first.cursor)), {}, signal);
    expect(first.records.length + rest.records.length).toBe(600);
    expect(rest.records[0]?.raw).toMatchObject({ 'drover:csv': { zone: { offset: 480 } } });
  });
});

describe('references by what Bubble shows', () => {
  const users = [
    'email,name,type,unique id',
    'ana@x.com,Ana Cruz,seeker,1x1',
    ' ANA@X.com ,Ana C,seeker,2x2',
    'jo@x.com,Jo Smith,coach,3x3',
    'jo2@x.com,Jo Smith,coach,4x4',
  ].join('\n');
  const line = (client: string, coach: string) => `${client},${coach},2024-01-05T15:04:00Z,60,complete,5x5\n`;
  const header = 'Client,Coach,session_date,duration,status,unique id\n';
  const refs = async (client: string, coach: string, files: Record<string, string> = { users }) => {
    const exportDir = folder({ ...files, bookings: header + line(client, coach) });
    const [outcome] = await outcomes('bookings', exportDir);
    return outcome?.kind === 'row' ? Object.values(outcome.references ?? {}).map(({ sourceId }) => sourceId) : outcome;
  };

  it('are found by e-mail, and by a name only one has', async () => {
    expect(await refs('Ana@x.com', 'jo@x.com')).toEqual(['1x1', '3x3']);
    expect(await refs('ana  cruz', '3x3')).toEqual(['1x1', '3x3']);
  });
  it('are rejected when several have the name', async () => {
    expect(await refs('1x1', 'Jo Smith')).toMatchObject({ code: 'AMBIGUOUS_REFERENCE', field: 'coach_id' });
  });
  it('are orphans when nobody has it, and the message names nobody', async () => {
    const outcome = await refs('1x1', 'nobody@x.com');
    expect(outcome).toMatchObject({ code: 'ORPHAN', field: 'coach_id' });
    expect(JSON.stringify(outcome)).not.toContain('nobody');
  });
  it('need no other file when they are ids', async () => {
    expect(await refs('1708327130811x106027240349761540', 'uuid-1-2', {})).toEqual([
      '1708327130811x106027240349761540',
      'uuid-1-2',
    ]);
  });
  it('are ids when the file of the parents has them, whatever their letters', async () => {
    const ids = ['ñandú 7', 'ид@1', '用户-9', 'A/b#c'];
    const people = ['email,name,type,unique id', ...ids.map((one, n) => `p${n}@x.com,P ${n},seeker,${one}`)].join('\n');
    for (const one of ids) expect(await refs(one, ids[0] as string, { users: people })).toEqual([one, ids[0]]);
    // The same id in another Unicode form.
    expect(await refs('ñandú 7'.normalize('NFD'), 'A/b#c', { users: people })).toEqual(['ñandú 7', 'A/b#c']);
  });
  it('say which file is missing when they are not', async () => {
    await expect(refs('ana@x.com', '3x3', {})).rejects.toMatchObject({ code: 'SOURCE_FILE', message: /users\.csv/ });
  });
});

describe('files', () => {
  it('that are not there name the command that makes them', async () => {
    await expect(outcomes('users', folder({}))).rejects.toMatchObject({
      code: 'SOURCE_FILE',
      message: expect.stringMatching(/users\.csv does not exist; `drover export bubble` creates it/),
    });
  });

  it('that lack a column the plan needs are refused whole, with what is missing and what was found', async () => {
    const exportDir = folder({ users: 'unique id,email,name\n1x1,a@b.co,A\n' });
    await expect(outcomes('users', exportDir)).rejects.toMatchObject({
      code: 'SOURCE_FILE',
      message: expect.stringMatching(
        /users\.csv: the file lacks "type" or "role".*; found "unique id", "email", "name"$/,
      ),
      remedy: expect.stringContaining('fieldMap.fields.users'),
    });
    const named = { fieldMap: { fields: { users: { role: ['name'] } } } };
    expect(await outcomes('users', exportDir, named)).toMatchObject([{ code: 'UNKNOWN_ROLE' }]);
  });

  it('have their columns whatever their case, blanks, underscores and Unicode form', async () => {
    const header = '\ufeffUNIQUE_ID , E\u00a0mail,TYPE \n'.replace('E\u00a0mail', 'Email\u00a0Address');
    const exportDir = folder({ users: `${header}1x1,a@b.co,coach\n` });
    expect(await outcomes('users', exportDir)).toMatchObject([
      { kind: 'row', row: { email: 'a@b.co', role: 'coach' } },
    ]);
  });

  it('with a truncated object in a cell reject the record by name', async () => {
    const cell = '"{""email"": {""ema"';
    const exportDir = folder({ users: `unique id,authentication,type\n1x1,${cell},coach\n` });
    expect(await outcomes('users', exportDir)).toMatchObject([{ kind: 'reject', code: 'BAD_JSON', field: 'email' }]);
  });

  it.each(['..', '../elsewhere', '/etc', 'a/../../b', 'a\0b'])(
    'may not lie outside of MIGRATION_EXPORT_DIR: %s',
    (exportDir) => {
      expect(() => sourceOf('users', exportDir)).toThrow('not inside MIGRATION_EXPORT_DIR');
    },
  );

  it('come from MIGRATION_EXPORT_DIR when the run names no folder', async () => {
    const settings = { MIGRATION_EXPORT_DIR: folder({ users: 'unique id,email\n1x1,a@b.co\n' }) };
    const source = plan.entities.users.source({
      entity: 'users',
      settings,
      params: { source: 'csv' },
      upstreams: noUpstreams,
    });
    expect(await source.count?.({}, signal)).toBe(1);
    expect(source.immutable).toBe(true);
  });

  it('may call the id as they like', async () => {
    const exportDir = folder({ users: 'Nr,email,type\n7,a@b.co,coach\n' });
    const page = await sourceOf('users', exportDir, { fieldMap: { fields: { users: { id: ['nr'] } } } }).read(
      null,
      {},
      signal,
    );
    expect(page.records[0]?.sourceId).toBe('7');
    await expect(sourceOf('users', exportDir).read(null, {}, signal)).rejects.toThrow(
      /no column holds the record's id/,
    );
  });

  it('are read by window of change, in the zone of the file', async () => {
    const row = (made: string, changed: string, n: number) =>
      `"${shown(at(made), 'Asia/Manila')}","${shown(at(changed), 'Asia/Manila')}","u${n}@x.co","coach","${id(at(made), n)}"`;
    const header = '"Creation Date","Modified Date","email","type","unique id"';
    const exportDir = folder({
      users: [
        header,
        row('2024-01-01T00:00:20Z', '2024-02-01T00:00:30Z', 1),
        row('2024-01-02T00:00:20Z', '2024-03-01T00:00:30Z', 2),
      ].join('\n'),
    });
    expect(
      await outcomes('users', exportDir, {}, { since: '2024-02-01T00:00:45Z', until: '2024-03-01T00:00:00Z' }),
    ).toMatchObject([{ row: { email: 'u1@x.co' } }]);
    expect((await sourceOf('users', exportDir).read(null, {}, signal)).watermark).toBe('2024-03-01T00:00:59.999Z');
  });
});

// Inputs of the kinds of public bug reports about imports of exported CSV files: Signbank/Global-signbank#377 and dotCMS/core#36508
// (letters of the header, byte order mark), pulibrary/orangelight#2695 (long ids), submersion-app/submersion#1828 (day and month),
// actualbudget/actual#2374 and firefly-iii/firefly-iii#1938 (thousands and signs of amounts), pbogre/jetlog#34 (first line not recognised).
describe('exported files that were changed on the way', () => {
  const users = (lines: readonly string[], header = 'unique id,email,type') =>
    folder({ users: [header, ...lines, ''].join('\r\n') });

  it.each([
    '"Unique Id","E-MAIL","User Type"',
    '\ufeffUNIQUE_ID,email ,\u00a0Type',
    ' unique  id ,Email\u00a0Address,ROLE',
  ])('with a header in other letters are read: %j', async (header) => {
    expect(await outcomes('users', users(['1x1,a@b.co,coach'], header))).toMatchObject([
      { kind: 'row', row: { email: 'a@b.co', role: 'coach' } },
    ]);
  });

  it.each(['9.91214E+15', ' 1,70833E+12 ', '5e+17'])(
    'with ids that a spreadsheet shortened are refused: %j',
    async (id) => {
      const exportDir = users(['7,a@b.co,coach', `"${id}",b@b.co,coach`]);
      await expect(outcomes('users', exportDir)).rejects.toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringMatching(/users\.csv, line 3: the id .* a spreadsheet shortened/),
      });
    },
  );

  it('keep ids that only look like numbers', async () => {
    const exportDir = users(['0012,a@b.co,coach', '5e17,b@b.co,coach', '9912140633506421,c@b.co,coach']);
    const { records } = await sourceOf('users', exportDir).read(null, {}, signal);
    expect(records.map(({ sourceId }) => sourceId)).toEqual(['0012', '5e17', '9912140633506421']);
  });

  it.each(['03/04/2024 10:00', '15/04/2024 10:00', '03.04.2024 10:00', '4/15/24 10:00', '45385.4166', '1712138400'])(
    'with a date in the form of a spreadsheet, which may be two days, are rejected by name: %s',
    async (date) => {
      const text = `unique id,client,coach,session_date,duration,status\n1,u1,u2,${date},60,complete\n`;
      expect(await outcomes('bookings', folder({ bookings: text }), { csvTimeZone: 'Asia/Manila' })).toMatchObject([
        { kind: 'reject', code: 'BAD_DATE', field: 'session_datetime' },
      ]);
    },
  );

  it.each([
    ['-3.000', 'EUR', 'BAD_AMOUNT'],
    ['3.000', 'EUR', 'BAD_AMOUNT'],
    ['1.000,00 €', 'EUR', '1000.00'],
    ['1 355,90€', 'EUR', '1355.90'],
    ['(33.52)', 'USD', 'BAD_NUMBER'],
    ['"1,234.50"', 'USD', '1234.50'],
    ['=12.5', 'USD', 'BAD_NUMBER'],
  ])('with the amount %s in %s give %s', async (amount, currency, wanted) => {
    const cell = `"${amount.replaceAll('"', '')}"`;
    const text = `unique id,booking,amount,currency,status\n1,b1,${cell},${currency},paid\n`;
    const [outcome] = await outcomes('payments', folder({ payments: text }));
    expect(outcome?.kind === 'row' ? outcome.row.amount : (outcome as { code: string }).code).toBe(wanted);
  });

  it('without a header are refused, and the message has nothing of the first record', async () => {
    const exportDir = folder({ users: '1x1,maria@x.com,Maria Cruz\n2x2,ana@x.com,Ana\n' });
    const failed = await outcomes('users', exportDir).catch((thrown: Error) => thrown);
    expect(failed).toMatchObject({ code: 'SOURCE_FILE', message: expect.stringContaining('no header') });
    expect(String((failed as Error).message)).not.toMatch(/maria|cruz/i);
  });
});
