import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, sourceFiles } from './layers/tree.ts';

const statusFile = readFileSync(join(root, 'src/contract/record-status.ts'), 'utf8');

/** The files that the comment of `recordTransitions` names as writers of a record's status, sorted. */
function documentedWriters(): string[] {
  const comment = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*export const recordTransitions/.exec(statusFile)?.[0] ?? '';
  const [updates = ''] = comment.split('Records that are rejected');
  return [...new Set(updates.match(/[a-z-]+\/[a-z-]+(?:\.sql)?\.ts/g))].map((path) => `src/engine/${path}`).sort();
}

/** True for a text with a statement that sets the status of existing records. */
function setsStatus(text: string): boolean {
  const updates = text.matchAll(/UPDATE drover\.records\b[^`]*?\bSET\b([^`]*?)\b(?:FROM|WHERE)\b/g);
  return [...updates].some(([, assignments = '']) => /(^|[\s,])status\s*=/.test(assignments));
}

test('the writers of a record’s status are those that the table of transitions names', () => {
  const writers = sourceFiles(['src', 'db', 'workers', 'queues']).filter(({ text }) => setsStatus(text));
  expect(writers.map(({ path }) => path).sort()).toEqual(documentedWriters());
});

test('a statement that only reads the status is not a writer', () => {
  expect(setsStatus("UPDATE drover.records SET dispatched_at = NULL WHERE status = 'pending'")).toBe(false);
  expect(setsStatus("UPDATE drover.records r SET epoch = 1, status = 'failed' WHERE id = 1")).toBe(true);
});
