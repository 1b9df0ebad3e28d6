import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// .env.example is what people copy, and docs/operations.md what they read: neither may lack a variable.

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const ofConfig = [...read('src/config.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((match) => String(match[1]));
const ofCompose = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g)].map((match) => String(match[1]));
const ofMigrate = [...read('src/cli/migrate/options.ts').matchAll(/read\('([A-Z_]+)'/g)].map((match) =>
  String(match[1]),
);
const names = [...new Set([...ofConfig, ...ofCompose, ...ofMigrate])];

test('every variable of the configuration, of docker compose and of migrations is in .env.example', () => {
  expect(names.length).toBeGreaterThan(40);
  const listed = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]);
  expect(names.filter((name) => !listed.includes(name))).toEqual([]);
  expect(listed.filter((name) => !names.includes(String(name)))).toEqual([]);
});

test('and in docs/operations.md', () => {
  const page = read('docs/operations.md');
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
