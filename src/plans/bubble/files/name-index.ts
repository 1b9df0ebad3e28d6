import type { SourceRecord } from '../../../plan/contract.ts';
import type { EntityName } from '../entity-names.ts';
import { email } from '../parsers/email.ts';
import type { ParseContext } from '../parsers/parsed.ts';
import type { ReadOptions } from '../parsers/reading.ts';
import { normalizedName } from '../source-name.ts';

/** Finds records by what Bubble's export shows of them. null: several are shown so; undefined: none is. */
export type NameIndex = (shown: string) => string | null | undefined;

const nameColumns = new Set(['name', 'fullname', 'displayname', 'username', 'title']);
const noteIgnoringContext = { note: () => {} } as unknown as ParseContext;

/**
 * Indexes a file by e-mail address and by name. Several accounts with one address are one person, who is merged later, so
 * any of them will do; several with one name are several people.
 */
export async function buildNameIndex(
  records: AsyncIterable<SourceRecord>,
  entity: EntityName,
  reading: ReadOptions,
): Promise<NameIndex> {
  const byName = new Map<string, string | null>();
  const byEmail = new Map<string, string>();
  for await (const { sourceId, raw } of records) {
    const address = entity === 'users' ? emailOf(reading.pickers.users(raw)[0]?.value) : undefined;
    if (address !== undefined && !byEmail.has(address)) byEmail.set(address, sourceId);
    for (const [key, value] of Object.entries(raw)) {
      if (typeof value !== 'string' || value.trim() === '' || !nameColumns.has(normalizedName(key))) continue;
      const name = normalizedDisplayName(value);
      byName.set(name, byName.has(name) && byName.get(name) !== sourceId ? null : sourceId);
    }
  }
  return (shown) => byEmail.get(emailOf(shown) ?? '') ?? byName.get(normalizedDisplayName(shown));
}

function emailOf(value: unknown): string | undefined {
  const address = typeof value === 'string' ? email(value, noteIgnoringContext) : undefined;
  return typeof address === 'string' ? address : undefined;
}

function normalizedDisplayName(name: string): string {
  return name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}
