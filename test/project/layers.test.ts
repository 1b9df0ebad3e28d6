import { describe, expect, test } from 'vitest';
import { environmentReaders, type Layer, layers } from './layers/table.ts';
import { importsOf, type SourceFile, sourceFiles } from './layers/tree.ts';

const files = sourceFiles(['src', 'queues', 'workers', 'db', 'scripts']);
const lengthLimit = 450;

const isUnder = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** The layer a file belongs to, by its own path: `src/sources/csv` of the table's `src/sources/*`. */
function layerOf(path: string): { name: string; rules: Layer } | undefined {
  const names = Object.keys(layers).sort((one, other) => other.length - one.length);
  for (const key of names) {
    const depth = key.split('/').length;
    const name = key.endsWith('/*') ? path.split('/').slice(0, depth).join('/') : key;
    const matches = key.endsWith('/*') ? isUnder(path, key.slice(0, -2)) : isUnder(path, key);
    const rules = layers[key];
    if (matches && rules !== undefined) return { name, rules };
  }
  return undefined;
}

function forbiddenArrows(file: SourceFile): string[] {
  const layer = layerOf(file.path);
  if (layer === undefined) return [`${file.path} is in no layer of the table`];
  const { project, packages } = importsOf(file);
  const allowed = [layer.name, ...layer.rules.project];
  const wrongPaths = project.filter(
    (path) => !allowed.some((folder) => isUnder(path, folder)) || leavesKit(file, path),
  );
  const wrongPackages = packages.filter((name) => !layer.rules.packages.includes(name));
  return [...wrongPaths, ...wrongPackages].map((name) => `${file.path} -> ${name}`);
}

/** The conformance kit is a folder of `plan` that `plan` itself must not need. */
function leavesKit({ path }: SourceFile, to: string): boolean {
  const kit = 'src/plan/conformance';
  return isUnder(to, kit) && !isUnder(path, kit);
}

describe('layers', () => {
  test('the tree was read: a wrong pattern must not look like a tidy tree', () => {
    expect(files.length).toBeGreaterThan(450);
    expect(files.flatMap((file) => importsOf(file).project).length).toBeGreaterThan(1_000);
  });

  test('no import goes where the table has no arrow', () => {
    expect(files.flatMap(forbiddenArrows)).toEqual([]);
  });

  test('workers are imported by scripts and tests only', () => {
    const importers = files.filter((file) => importsOf(file).project.some((path) => isUnder(path, 'workers')));
    const others = importers.filter(({ path }) => !isUnder(path, 'workers') && !isUnder(path, 'scripts'));
    expect(others.map(({ path }) => path)).toEqual([]);
  });

  test('the environment is read by entry points only', () => {
    const readers = files.filter(({ text }) => /process\.env\b/.test(withoutComments(text)));
    const others = readers.filter(({ path }) => !environmentReaders.some((reader) => isUnder(path, reader)));
    expect(others.map(({ path }) => path)).toEqual([]);
  });

  test(`no file has more than ${lengthLimit} lines without a reason at its head`, () => {
    const long = [...files, ...sourceFiles(['test'])].filter(({ text }) => text.split('\n').length - 1 > lengthLimit);
    const unexplained = long.filter(({ text }) => !/\blong because\b/i.test(text.split('\n').slice(0, 15).join('\n')));
    expect(unexplained.map(({ path }) => path)).toEqual([]);
  });
});

describe('what the test itself sees', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });

  test.each([
    ["import type { Worker } from 'bullmq';", 'src/engine/a.ts -> bullmq'],
    ["import {\n  a,\n  b,\n} from '../../db/client.ts';", 'src/engine/a.ts -> db/client.ts'],
    ["export * from '../sources/csv/csv-file.ts';", 'src/engine/a.ts -> src/sources/csv/csv-file.ts'],
    ["import '../../workers/main.ts';", 'src/engine/a.ts -> workers/main.ts'],
    ["const made = await import('stripe');", 'src/engine/a.ts -> stripe'],
  ])('%j', (text, arrow) => {
    expect(forbiddenArrows(file('src/engine/a.ts', text))).toEqual([arrow]);
  });

  test('folders that may not import each other', () => {
    const text = "import { read } from '../csv/csv-file.ts';";
    expect(forbiddenArrows(file('src/sources/bubble/a.ts', text))).toHaveLength(1);
    expect(forbiddenArrows(file('src/sources/csv/a.ts', text))).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
