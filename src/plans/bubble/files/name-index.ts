import type { SourceRecord } from '../../../plan/contract.ts';
import type { EntityName } from '../entity-names.ts';
import { email } from '../parsers/email.ts';
import type { ParseContext } from '../parsers/parsed.ts';
import type { Reading } from '../parsers/reading.ts';
import { normalName } from '../source-name.ts';

/** Finds records by what Bubble's export shows of them. null: several are shown so; undefined: none is. */
export type NameIndex = (shown: string) => string | null | undefined;

const nameColumns = new Set(['name', 'fullname', 'displayname', 'username', 'title']);
const noNotes = { note: () => {} } as unknown as ParseContext;

/**
 * Indexes a file by e-mail address and by name. Several accounts with one address are one person, who is merged later, so
 * any of them will do; several with one name are several people.
 */
export async function buildNameIndex(
  records: AsyncIterable<SourceRecord>,
  entity: EntityName,
  reading: Reading,
): Promise<NameIndex> {
  const byName = new Map<string, string | null>();
  const byEmail = new Map<string, string>();
  for await (const { sourceId, raw } of records) {
    const address = entity === 'users' ? addressOf(reading.pickers.users(raw)[0]?.value) : undefined;
    if (address !== undefined && !byEmail.has(address)) byEmail.set(address, sourceId);
    for (const [key, value] of Object.entries(raw)) {
      if (typeof value !== 'string' || value.trim() === '' || !nameColumns.has(normalName(key))) continue;
      const name = plain(value);
      byName.set(name, byName.has(name) && byName.get(name) !== sourceId ? null : sourceId);
    }
  }
  return (shown) => byEmail.get(addressOf(shown) ?? '') ?? byName.get(plain(shown));
}

function addressOf(value: unknown): string | undefined {
  const address = typeof value === 'string' ? email(value, noNotes) : undefined;
  return typeof address === 'string' ? address : undefined;
}

function plain(name: string): string {
  return name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}
