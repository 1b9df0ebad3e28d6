import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environmentReaders, type Layer, layers, sqlFiles } from './layers/table.ts';
import { importsOf, root, type SourceFile, sourceFiles } from './layers/tree.ts';

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

/** The circles of imports, each as its files in order of the alphabet: strongly connected parts by Tarjan's algorithm. */
function circles(all: readonly SourceFile[]): string[][] {
  const known = new Set(all.map(({ path }) => path));
  const arrows = new Map(all.map((file) => [file.path, importsOf(file).project.filter((path) => known.has(path))]));
  const index = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): number => {
    index.set(path, index.size);
    let low = index.get(path) ?? 0;
    stack.push(path);
    for (const next of arrows.get(path) ?? []) {
      if (!index.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, index.get(next) ?? low);
    }
    if (low === index.get(path)) {
      const part = stack.splice(stack.indexOf(path));
      if (part.length > 1) found.push(part.sort());
    }
    return low;
  };
  for (const { path } of all) if (!index.has(path)) visit(path);
  return found;
}

describe('layers', () => {
  test('the tree was read: a wrong pattern must not look like a tidy tree', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(files.flatMap((file) => importsOf(file).project).length).toBeGreaterThan(900);
  });

  test('no import goes where the table has no arrow', () => {
    expect(files.flatMap(forbiddenArrows)).toEqual([]);
  });

  test('of the engine only files with SQL reach the database', () => {
    const reaching = files.filter((file) => {
      const { project, packages } = importsOf(file);
      return (
        project.some((path) => isUnder(path, 'db')) || packages.some((name) => ['pg', 'drizzle-orm'].includes(name))
      );
    });
    const rules = reaching.filter(({ path }) => isUnder(path, 'src/engine') && path !== 'src/engine/open-engine.ts');
    expect(rules.map(({ path }) => path).filter((path) => !sqlFiles.test(path))).toEqual([]);
  });

  test('no file imports itself through others, types included', () => {
    expect(circles(files)).toEqual([]);
  });

  test('every package of the table is installed', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const installed = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const named = Object.values(layers).flatMap(({ packages }) => packages);
    expect([...new Set(named)].filter((name) => !installed.includes(name))).toEqual([]);
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
    ["import {\n  a,\n  b,\n} from '../../queues/table.ts';", 'src/engine/a.ts -> queues/table.ts'],
    ["export * from '../sources/csv/source.ts';", 'src/engine/a.ts -> src/sources/csv/source.ts'],
    ["import '../../workers/main.ts';", 'src/engine/a.ts -> workers/main.ts'],
    ["const made = await import('stripe');", 'src/engine/a.ts -> stripe'],
  ])('%j', (text, arrow) => {
    expect(forbiddenArrows(file('src/engine/a.ts', text))).toEqual([arrow]);
  });

  test('a circle of three', () => {
    const three = [
      file('src/a.ts', "import type { B } from './b.ts';"),
      file('src/b.ts', "import { c } from './c.ts';"),
      file('src/c.ts', "export type { A } from './a.ts';"),
      file('src/d.ts', "import './a.ts';"),
    ];
    expect(circles(three)).toEqual([['src/a.ts', 'src/b.ts', 'src/c.ts']]);
  });

  test('folders that may not import each other', () => {
    const text = "import { read } from '../csv/source.ts';";
    expect(forbiddenArrows(file('src/sources/bubble/a.ts', text))).toHaveLength(1);
    expect(forbiddenArrows(file('src/sources/csv/a.ts', text))).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
