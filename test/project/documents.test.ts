import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './layers/tree.ts';

const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8');

  test('names files that exist', () => {
    const named = [...text.matchAll(/`((?:src|db|queues|workers|scripts|test)\/[\w./-]+\.(?:ts|mjs|json|txt))`/g)];
    const missing = named.map(([, path]) => String(path)).filter((path) => !existsSync(join(root, path)));
    expect(missing.filter((path) => !path.includes('crm-contacts'))).toEqual([]);
  });

  test('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, path]) => String(path));
    const folder = document.includes('/') ? 'docs' : '';
    expect(links.filter((path) => !existsSync(join(root, folder, path)))).toEqual([]);
  });
});

test('the ten functions of docs/architecture.md are in the files it names', () => {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  const rows = [...text.matchAll(/^\| \d+ \| `(\w+)` \| `([\w./-]+)` \|/gm)];
  expect(rows).toHaveLength(10);
  for (const [, name, file] of rows) {
    expect(readFileSync(join(root, String(file)), 'utf8')).toMatch(new RegExp(`export (async )?function ${name}\\b`));
  }
});
