import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { DateTime } from 'luxon';
import { afterAll, describe, expect, it } from 'vitest';
import { type CsvExportOptions, writeBubbleCsvExport } from '../../../src/sandbox/bubble/csv-export.ts';
import { generate } from '../../../src/sandbox/bubble/data/generate.ts';

const SIZE = { seed: 5, users: 300, dirt: 1 };
const folder = mkdtempSync(join(tmpdir(), 'sandbox-csv-'));

afterAll(() => rmSync(folder, { recursive: true }));

function read(
  name: string,
  options: CsvExportOptions = {},
): { text: string; titles: string[]; rows: Record<string, string>[] } {
  writeBubbleCsvExport(folder, { ...SIZE, ...options });
  const text = readFileSync(join(folder, name), 'utf8');
  const rows: Record<string, string>[] = parse(text, { columns: true, bom: true });
  return { text, titles: Object.keys(rows[0] ?? {}), rows };
}

const { rows: api, manifest } = generate(SIZE);

describe('the CSV export', () => {
  it('has the columns of Bubble, custom ones first, and quotes every cell', () => {
    const { text, titles, rows } = read('bookings.csv');
    const system = ['Creation Date', 'Modified Date', 'Slug', 'Creator', 'unique id'];
    expect(titles).toEqual([
      'client_user_id',
      'coach_user_id',
      'session_date',
      'duration',
      'booking_status',
      ...system,
    ]);
    expect(rows).toHaveLength(720);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^"([^"]|"")*"(,"([^"]|"")*")*$/);
  });

  it('has the manifest of a sandbox with the same seed', () => {
    expect(writeBubbleCsvExport(folder, SIZE).manifest).toEqual(manifest);
  });

  it.each(['Asia/Manila', 'America/New_York', 'Asia/Kolkata', 'UTC'])('writes dates to the minute in %s', (zone) => {
    const { rows } = read('payments.csv', { zone });
    for (const row of rows.slice(0, 200)) {
      const created = api.payment.find(({ _id }) => _id === row['unique id'])?.['Created Date'];
      const local = DateTime.fromISO(String(created), { zone }).setLocale('en-US');
      expect(row['Creation Date']).toBe(local.toFormat('LLL d, yyyy h:mm ') + local.toFormat('a').toLowerCase());
    }
  });

  it('does not change text that is not a date', () => {
    const { rows } = read('bookings.csv');
    const bad = manifest.types.booking.traps['date-bad']?.ids ?? [];
    expect(bad.length).toBeGreaterThan(0);
    for (const id of bad) {
      const shown = rows.find((row) => row['unique id'] === id)?.session_date;
      expect(shown).toBe(api.booking.find(({ _id }) => _id === id)?.session_date);
    }
  });

  it('writes yes, no or nothing, joins lists with blank, comma, blank, and keeps line breaks and quotes', () => {
    const users = read('users.csv').rows;
    expect(new Set(users.map(({ active }) => active))).toEqual(new Set(['yes', 'no', '']));
    const coaches = read('coach_profiles.csv').rows;
    for (const coach of coaches) {
      const row = api.coachprofile.find(({ _id }) => _id === coach['unique id']);
      const spoken = row?.languages_spoken;
      expect(coach.languages_spoken).toBe(Array.isArray(spoken) ? spoken.join(' , ') : spoken);
      expect(coach.biography).toBe(row?.biography ?? '');
    }
    expect(coaches.some(({ biography }) => biography?.includes('\n'))).toBe(true);
  });

  it('names creators by address, or as (App admin)', () => {
    const { rows } = read('users.csv');
    expect(rows.some(({ Creator }) => Creator === '(App admin)')).toBe(true);
    const google = manifest.types.user.traps['email-google-only']?.means ?? {};
    for (const [id, address] of Object.entries(google)) {
      expect(rows.find((row) => row['unique id'] === id)?.email).toBe(address);
    }
  });

  it('can have a byte order mark, CR LF, and shuffled, extra and missing columns', () => {
    const options = {
      bom: true,
      crlf: true,
      shuffleColumns: true,
      extraColumns: ['Old Notes '],
      omitColumns: ['Slug'],
    };
    const plain = read('client_profiles.csv');
    const { text, titles, rows } = read('client_profiles.csv', options);
    expect(text.startsWith('\ufeff"')).toBe(true);
    expect(text.endsWith('"\r\n')).toBe(true);
    expect(titles).toContain('Old Notes ');
    expect(titles).not.toContain('Slug');
    expect([...titles].sort()).not.toEqual(titles);
    expect(rows[7]?.first_name).toBe(plain.rows[7]?.first_name);
    expect(read('client_profiles.csv', options).text).toBe(text);
  });

  it('rejects an unknown time zone', () => {
    expect(() => writeBubbleCsvExport(folder, { ...SIZE, zone: 'Mars/Olympus' })).toThrow(/zone/);
  });
});
