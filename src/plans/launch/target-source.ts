import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Source, SourceContext, SourceRecord, TargetReader } from '../../plan/contract.ts';
import { parseCursor } from '../../sources/paging.ts';

/** A row of a question, with the key that its page goes on after. */
export type KeyedRow = Record<string, unknown> & { readonly key: string };

/**
 * One question to the target. $1 is the key to go on after, $2 how many keys a page has, $3 the keys a selective run asks
 * for, or null. Rows come in the order of their keys; a key may have several rows.
 */
export interface TargetQuery {
  readonly text: string;
  /** Values after the first three. */
  readonly values?: readonly unknown[] | undefined;
  /** What comes before every key. Default: the empty text. */
  readonly first?: string | undefined;
  /** The key of the page that holds a record. Default: the record's own id. */
  readonly keyOf?: ((sourceId: string) => string) | undefined;
  /** Completes the rows of a page by what one statement cannot find. The rows stay in their order. */
  readonly complete?: ((rows: readonly KeyedRow[]) => Promise<readonly KeyedRow[]>) | undefined;
  /** The record of a row, or undefined for a row that is none. */
  record(row: KeyedRow): SourceRecord | undefined;
}

const pageSize = 500;
const cursorSchema = z.object({ question: z.int().min(0), after: z.string() });

/**
 * Records made of rows that other entities have loaded. It always looks at all of them: what a row means may be changed by
 * another one (a payment that comes in makes a lead a customer), and what has not changed is not written.
 */
export function targetSource(
  context: SourceContext,
  ask: (target: TargetReader) => Promise<readonly TargetQuery[]>,
): Source {
  const { target } = context;
  if (target === undefined)
    throw new DroverError('CONFIGURATION', `${context.entity} are read from the target, and none was given`);
  return {
    async read(cursor, { ids }) {
      const questions = await ask(target);
      const start = { question: 0, after: questions[0]?.first ?? '' };
      const place = parseCursor(cursorSchema, cursor, 'target') ?? start;
      const question = questions[place.question];
      if (question === undefined) return { records: [], cursor: null };
      const keys = ids?.map(question.keyOf ?? ((id) => id)) ?? null;
      const values = [place.after, pageSize, keys, ...(question.values ?? [])];
      const page = await target.query<KeyedRow>(question.text, values);
      const rows = question.complete === undefined ? page : await question.complete(page);
      const found = rows.map(question.record).filter((record) => record !== undefined);
      const next = questions[place.question + 1];
      const isWhole = new Set(rows.map(({ key }) => key)).size === pageSize;
      const onward = isWhole
        ? { question: place.question, after: rows.at(-1)?.key ?? '' }
        : next && { question: place.question + 1, after: next.first ?? '' };
      return {
        records: ids === undefined ? found : found.filter(({ sourceId }) => ids.includes(sourceId)),
        cursor: onward ?? null,
        watermark: new Date().toISOString(),
      };
    },
  };
}
