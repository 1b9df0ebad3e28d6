import type { FaultRule } from '../core/fault-rule.ts';
import { type Answer, jsonAnswer } from '../core/message.ts';
import type { TagRow } from '../launch/contact-rows.ts';
import { applyDataFaults, selectPage } from '../launch/page.ts';
import type { LaunchStore, Row } from '../launch/store.ts';

export type SystemeioKind = 'contact' | 'tag';
export type SystemeioData = LaunchStore<SystemeioKind>;

export interface ListContacts {
  readonly data: SystemeioData;
  readonly query: URLSearchParams;
  readonly faults: readonly FaultRule[];
  readonly touched: string[];
  readonly ignoreAscending: boolean;
}

/** `GET /contacts`: by id, the newest first unless told otherwise; no total and no time of change. */
export function listContacts(asked: ListContacts): Answer {
  const { data, query, faults, touched } = asked;
  const limit = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 10 || limit > 100)
    return violation('limit', 'This value should be between 10 and 100.');
  const after = query.get('startingAfter');
  const look = () => filterContacts(ordered(data, query, asked.ignoreAscending), query);
  touched.push(...applyDataFaults({ rows: look(), after }, faults, dataFaultHandler(data)));
  const page = selectPage({ rows: look(), after, limit }, faults);
  if (page === undefined) return violation('startingAfter', 'There is no such contact.');
  return jsonAnswer(200, { items: page.rows, hasMore: page.hasMore });
}

/** An error in the shape of Systeme.io. */
export function violation(propertyPath: string, message: string): Answer {
  return jsonAnswer(422, { detail: `${propertyPath}: ${message}`, violations: [{ propertyPath, message }] });
}

function ordered(data: SystemeioData, query: URLSearchParams, ignoreAscending: boolean): readonly Row[] {
  const rows = data.list('contact');
  return query.get('order') === 'asc' && !ignoreAscending ? rows.toReversed() : rows;
}

function filterContacts(rows: readonly Row[], query: URLSearchParams): readonly Row[] {
  const [email, tags] = [query.get('email')?.toLowerCase(), query.get('tags')?.split(',')];
  const [from, to] = [Date.parse(query.get('registeredAfter') ?? ''), Date.parse(query.get('registeredBefore') ?? '')];
  return rows.filter((row) => {
    const at = Date.parse(String(row.registeredAt));
    return (
      (email === undefined || String(row.email).toLowerCase() === email) &&
      (tags === undefined || (row.tags as TagRow[]).some(({ id }) => tags.includes(String(id)))) &&
      (Number.isNaN(from) || at > from) &&
      (Number.isNaN(to) || at < to)
    );
  });
}

function dataFaultHandler(data: SystemeioData) {
  return (fault: 'insert' | 'delete' | 'modify', row: Row): string => {
    if (fault === 'delete') data.delete('contact', String(row.id));
    // Nothing in a contact tells that it was changed.
    if (fault === 'modify') data.modify('contact', String(row.id), { locale: row.locale === 'en' ? 'fr' : 'en' });
    if (fault !== 'insert') return String(row.id);
    const beside = [1, 2]
      .map((step) => Number(row.id) + step)
      .find((id) => data.get('contact', String(id)) === undefined);
    return beside === undefined
      ? String(row.id)
      : data.insert('contact', { ...row, id: beside, email: `twin.${beside}@example.com` });
  };
}
