import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/plan/json.ts';
import { readOptionsOf } from '../../../src/plans/bubble/params.ts';
import { fixedZone, type LocalZone, namedZone } from '../../../src/plans/bubble/parsers/local-zone.ts';
import { Problem } from '../../../src/plans/bubble/parsers/parser.ts';
import { instant, timestamp } from '../../../src/plans/bubble/parsers/times.ts';

function read(parser: typeof instant, value: Json, zone?: LocalZone | undefined) {
  const notes: string[] = [];
  const parsed = parser(value, { reading: readOptionsOf({}), zone, row: {}, note: (note) => notes.push(note) });
  return { parsed, notes };
}

const instantOf = (value: Json, zone?: LocalZone | undefined) => {
  const { parsed } = read(instant, value, zone);
  return parsed instanceof Problem ? parsed.code : parsed;
};

describe('dates that carry their zone', () => {
  it.each([
    ['2024-02-19T07:18:50.812Z', '2024-02-19T07:18:50.812Z'],
    ['2024-02-19T07:18:50Z', '2024-02-19T07:18:50.000Z'],
    ['2024-02-19T07:18Z', '2024-02-19T07:18:00.000Z'],
    ['2024-02-19T07:18:50.8129999+02:00', '2024-02-19T05:18:50.812Z'],
    ['2024-02-19 07:18:50 UTC', '2024-02-19T07:18:50.000Z'],
    ['2023-04-26 23:59:59.000000 UTC', '2023-04-26T23:59:59.000Z'],
    ['2024-02-19 07:18:50 +0530', '2024-02-19T01:48:50.000Z'],
    ['2024-02-19 07:18 (UTC+2)', '2024-02-19T05:18:00.000Z'],
    ['2024-02-19 07:18 (UTC-03:30)', '2024-02-19T10:48:00.000Z'],
    ['Jan 5, 2024 3:04 pm UTC', '2024-01-05T15:04:00.000Z'],
    ['5 January 2024 15:04 GMT+1', '2024-01-05T14:04:00.000Z'],
    ['1704438240123', '2024-01-05T07:04:00.123Z'],
    [1704438240123, '2024-01-05T07:04:00.123Z'],
    [' 2024-02-29T00:00:00Z ', '2024-02-29T00:00:00.000Z'],
  ])('%j', (value, wanted) => expect(instantOf(value)).toBe(wanted));
});

describe('what is no date for certain', () => {
  it.each([
    '2024-02-30T10:00:00.000Z',
    '2023-02-29T00:00:00Z',
    '2023-13-45T25:61:00.000Z',
    '0000-09-21',
    '1899-12-31T00:00:00Z',
    '9999-12-31T00:00:00Z',
    '2024-01-05T24:00:00Z',
    '2024-01-05T10:60:00Z',
    '2024-01-05T10:00:00+15:00',
    'Jan 5, 2024 13:04 pm UTC',
    'Jan 5, 2024 0:04 am UTC',
    '31 of Smarch 2024',
    'Foo 5, 2024 3:04 pm UTC',
    '01/05/2024 10:00 UTC',
    'next Tuesday',
    '2024-01-05',
    'Jan 5, 2024',
    '45296.5',
    '2024',
    true,
    ['2024-01-05T10:00:00Z'],
  ])('%j', (value) => expect(instantOf(value, namedZone('Asia/Manila'))).toBe('BAD_DATE'));
});

describe('local dates', () => {
  const manila = namedZone('Asia/Manila');
  it.each([
    ['Jan 5, 2024 3:04 pm', '2024-01-05T07:04:00.000Z'],
    ['Dec 23, 2023 12:00 am', '2023-12-22T16:00:00.000Z'],
    ['Dec 23, 2023 12:30\u202fPM', '2023-12-23T04:30:00.000Z'],
    ['2024-01-05 15:04:05', '2024-01-05T07:04:05.000Z'],
  ])('%j in Manila', (value, wanted) => expect(instantOf(value, manila)).toBe(wanted));

  it('are refused without a zone, and the parameter is named', () => {
    expect(read(instant, 'Jan 5, 2024 3:04 pm').parsed).toMatchObject({
      code: 'BAD_DATE',
      reason: expect.stringContaining('csvTimeZone'),
    });
  });

  it('may be a day only where it is the age of a record', () => {
    expect(read(timestamp, '2024-01-05', manila).parsed).toBe('2024-01-04T16:00:00.000Z');
  });

  it('are refused in the hour the clocks skip', () => {
    expect(instantOf('2024-03-31 02:30:00', namedZone('Europe/Berlin'))).toBe('BAD_DATE');
  });

  it('are refused in the hour the clocks show twice, but not for the age of a record', () => {
    expect(instantOf('2024-10-27 02:30:00', namedZone('Europe/Berlin'))).toBe('BAD_DATE');
    expect(read(timestamp, '2024-10-27 02:30:00', namedZone('Europe/Berlin'))).toEqual({
      parsed: '2024-10-27T00:30:00.000Z',
      notes: ['the clocks showed this time twice; the first was taken'],
    });
  });

  it('are refused where a zone found from a file may not hold', () => {
    const zone = fixedZone(-300, Date.parse('2024-01-01T00:00:00Z'), Date.parse('2024-03-01T00:00:00Z'));
    expect(instantOf('2024-02-01 00:00', zone)).toBe('2024-02-01T05:00:00.000Z');
    expect(instantOf('2024-04-01 00:00', zone)).toBe('BAD_DATE');
  });

  it('mean the same as to luxon, in any zone', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC'];
    const minute = fc.integer({ min: Date.UTC(1995, 0), max: Date.UTC(2035, 0) }).map((ms) => ms - (ms % 60_000));
    fc.assert(
      fc.property(fc.constantFrom(...zones), minute, (name, ms) => {
        const local = DateTime.fromMillis(ms, { zone: name });
        const instants = namedZone(name)?.instantsOf(local.setZone('UTC', { keepLocalTime: true }).toMillis());
        const possible = local.getPossibleOffsets().map((at) => at.toMillis());
        expect([...(instants === 'unsure' ? [] : (instants ?? []))]).toEqual(possible.sort((a, b) => a - b));
      }),
      { numRuns: 3000 },
    );
  });

  it('knows no zone of a made-up name', () => expect(namedZone('Mars/Olympus')).toBeUndefined());
});

it('reads back every instant it writes', () => {
  const range = { min: new Date('1900-01-01T00:00:00Z'), max: new Date('2199-12-31T23:59:59Z'), noInvalidDate: true };
  fc.assert(
    fc.property(fc.date(range), (date) => {
      expect(instantOf(date.toISOString())).toBe(date.toISOString());
    }),
  );
});
