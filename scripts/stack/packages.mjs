// Plain JavaScript, because scripts/setup.mjs needs it before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Why node_modules is not what package-lock.json asks for, or undefined when it is. Compared by content: a fresh
 * checkout or a touched file changes times, not packages, and npm writes its own copy of the lock last, so its
 * presence also shows that the installation was not interrupted.
 */
export function whyStale(root) {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'node_modules is missing';
  const wanted = packagesOf(join(root, 'package-lock.json')) ?? {};
  const differs = Object.entries(wanted).some(([path, entry]) => path !== '' && !isInstalled(entry, installed[path]));
  return differs ? 'node_modules differs from package-lock.json' : undefined;
}

function isInstalled(wanted, found) {
  // Other platforms' binaries are never installed.
  if (!found) return Boolean(wanted.optional || wanted.devOptional);
  return found.version === wanted.version;
}

function packagesOf(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

/** Installs exactly the lock file, development tools included whatever NODE_ENV says. */
export function installPackages(root) {
  const flags = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const [program, ...first] = npm();
  const done = spawnSync(program, [...first, 'ci', ...flags], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (done.status === 0) return;
  if (done.error)
    throw new Error(
      `npm does not run (${done.error.message}). It comes with Node.js; put it on PATH, then run this again.`,
    );
  throw new Error(
    `\`npm ci\` failed:\n${readable(done.stderr)}\nMend what it names (a registry out of reach? a full disk?), then run this again.`,
  );
}

/** The npm that runs this script, when one does. */
function npm() {
  const path = process.env.npm_execpath;
  return path?.endsWith('npm-cli.js') ? [process.execPath, path] : ['npm'];
}

/** What npm says, less the stack traces and printed objects that it adds. */
function readable(output) {
  const lines = output.split('\n').filter((line) => line.startsWith('npm error'));
  return lines
    .filter((line) => !/^npm error( {2,}|\s*$|.*\{$| })/.test(line))
    .slice(0, 6)
    .join('\n');
}
