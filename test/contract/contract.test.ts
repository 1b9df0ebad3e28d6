import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { createProgram } from '../../src/cli/run-cli.ts';
import { startService } from '../helpers/api-service.ts';
import { createDatabase } from '../helpers/database.ts';

/**
 * What others build on is held against the files beside this test: the HTTP interface, the command line and the database
 * schema. A change of one of them is made on purpose: `npx vitest run test/contract -u` writes the files, and their
 * difference is reviewed with the change.
 */

test('the HTTP interface is the one in openapi.json', async () => {
  const service = await startService();
  try {
    const document = (await service.app.inject({ url: '/openapi.json' })).json();
    await expect(`${JSON.stringify(sortKeys(document), null, 1)}\n`).toMatchFileSnapshot('openapi.json');
  } finally {
    await service.stop();
  }
});

/** The order of keys in a JSON object says nothing, and here it follows the order in which modules are loaded. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

test('the help of every command is the one in help.txt', async () => {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const program = createProgram(() => () => Promise.resolve(), '0.0.0', { stdout: nowhere, stderr: nowhere });
  const pages: string[] = [];
  const collect = (command: Command, path: string): void => {
    pages.push(`==== ${path}\n${helpOf(command)}`);
    for (const child of command.commands) collect(child, `${path} ${child.name()}`);
  };
  collect(program, 'drover');
  await expect(pages.join('\n')).toMatchFileSnapshot('help.txt');
});

/** The page as it is printed, with the texts before and after it. */
function helpOf(command: Command): string {
  const lines: string[] = [];
  command.configureOutput({ writeOut: (text) => void lines.push(text), getOutHelpWidth: () => 120 });
  command.outputHelp();
  return lines.join('');
}

test('the database schema is the one in schema.txt', async () => {
  const created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const database = openDatabase({ url: created.url, applicationName: 'test', onError: () => undefined });
  try {
    const { rows } = await database.$client.query<{ line: string }>(schemaLines);
    await expect(`${rows.map(({ line }) => line).join('\n')}\n`).toMatchFileSnapshot('schema.txt');
  } finally {
    await database.$client.end();
    await created.drop();
  }
});

// Columns, constraints, indexes, triggers and functions of every schema that the migrations made.
const schemaLines = `
WITH ours AS (
  SELECT oid, nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
)
SELECT line FROM (
  SELECT format('%s.%s column %s %s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
  FROM ours n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT format('%s.%s constraint %s %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid))
  FROM ours n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype <> 'n'
  UNION ALL
  SELECT format('%s.%s index %s', n.nspname, c.relname, pg_get_indexdef(i.indexrelid))
  FROM ours n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_index i ON i.indrelid = c.oid
  UNION ALL
  SELECT format('%s.%s trigger %s', n.nspname, c.relname, pg_get_triggerdef(t.oid))
  FROM ours n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('%s function %s(%s) %s', n.nspname, p.proname, pg_get_function_arguments(p.oid),
    md5(regexp_replace(p.prosrc, '\\s+|--[^\\n]*', ' ', 'g')))
  FROM ours n JOIN pg_proc p ON p.pronamespace = n.oid
) AS schema ORDER BY line COLLATE "C"`;
