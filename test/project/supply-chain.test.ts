import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
  readonly overrides: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
}
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const json = (path: string): unknown => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const manifest = json('package.json') as Manifest;
const locked = Object.entries((json('package-lock.json') as { packages: Record<string, Locked> }).packages).filter(
  ([path]) => path !== '',
);

test('every direct dependency is one exact version, and the lock has that one', () => {
  const { dependencies, devDependencies, optionalDependencies, overrides } = manifest;
  const versions = new Map(locked.map(([path, { version }]) => [path, version]));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/)]);
    expect([name, versions.get(`node_modules/${name}`)]).toEqual([name, version]);
  }
  for (const version of Object.values(overrides)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test('what is installed is checked against the hash in the lock', () => {
  const unchecked = locked.filter(([, { integrity }]) => !integrity).map(([path]) => path);
  expect(unchecked).toEqual([]);
});

test('no package may run a script while it is installed unless it was decided on', () => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  expect(names.filter((name) => !(name in manifest.allowScripts))).toEqual([]);
  expect(Object.values(manifest.allowScripts).filter(Boolean)).toEqual([]);
});
