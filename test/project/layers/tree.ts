import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface SourceFile {
  /** From the root of the checkout, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every source file under the folders given. */
export function sourceFiles(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && /(?<!\.d)\.m?tsx?$|\.mjs$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
      .filter((path) => !path.includes('node_modules'))
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
  );
}

// The formatter keeps statements at the start of a line and quotes single, which is all a parser would be needed for.
const importForms = [
  /^(?:import|export)\b[^'";=(]*?\bfrom\s+'([^']+)'/gm,
  /^import\s+'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'/g,
];

/** What a file imports: paths from the root for its own project, names for packages; not the modules of Node. */
export function importsOf({ path, text }: SourceFile): { project: string[]; packages: string[] } {
  const found = importForms.flatMap((form) => [...text.matchAll(form)].map((match) => String(match[1])));
  const [own, others] = [found.filter((name) => name.startsWith('.')), found.filter((name) => !name.startsWith('.'))];
  return {
    project: own.map((name) => normalize(join(dirname(path), name))),
    packages: others.filter((name) => !name.startsWith('node:')).map(packageOf),
  };
}

/** `@scope/name/part` is of the package `@scope/name`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
