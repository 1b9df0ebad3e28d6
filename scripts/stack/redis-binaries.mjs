// Plain JavaScript, because scripts/setup.mjs needs it before anything is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { hasApt, releaseName, unpackWithApt } from './apt.mjs';

/** Thrown with a sentence that a person can act on; callers print the message and nothing else. */
export class MissingRedis extends Error {}

/**
 * Ubuntu 22.04 has nothing newer than 6.0.16, which BullMQ runs on with a warning. So 6.0 is taken where it is all
 * there is, and any 6.2 is preferred to it.
 */
const WANTED = [6, 2];
const ACCEPTED = [6, 0];

/** A Redis or Valkey server that runs here, or undefined. Looks, and changes nothing. */
export function findRedis(root) {
  const found = [...onPath(), ...caches(root).flatMap(unpacked)].map(tryOut).filter((server) => server !== undefined);
  return (
    found.find((server) => atLeast(server.version, WANTED)) ?? found.find(({ version }) => atLeast(version, ACCEPTED))
  );
}

/** The same, fetching one from the system's package source when there is none. */
export function obtainRedis(root) {
  const found = findRedis(root);
  if (found) return { ...found, fetched: false };
  if (!hasApt()) throw new MissingRedis(remedy('There is no Redis 6.2 or newer on this machine.'));
  const failure = fetchRedis(writableCache(root));
  const fetched = findRedis(root);
  if (fetched) return { ...fetched, fetched: true };
  throw new MissingRedis(remedy(`There is no Redis on this machine, and fetching it failed (${failure}).`));
}

function onPath() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/opt/homebrew/bin'].filter(Boolean);
  const names = ['redis-server', 'valkey-server'];
  const paths = new Set(folders.flatMap((folder) => names.map((name) => join(folder, name))));
  return [...paths].filter(isExecutable).map((path) => ({ path, env: {} }));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Shared by all checkouts of a user; where the home folder is closed to us, in the checkout. */
function caches(root) {
  const { id, version } = releaseName();
  const release = `${id || process.platform}-${version || 'any'}-${process.arch}`;
  const home = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(home, 'drover', 'redis', release), join(root, '.drover', 'cache', 'redis', release)];
}

function writableCache(root) {
  const [shared, own] = caches(root);
  try {
    mkdirSync(join(shared, '..'), { recursive: true });
    accessSync(join(shared, '..'), constants.W_OK);
    return shared;
  } catch {
    mkdirSync(join(own, '..'), { recursive: true });
    return own;
  }
}

/** What `unpackWithApt` left: the programs need its libraries, and Redis 6.0 its Lua modules. */
function unpacked(cache) {
  const root = join(cache, 'root');
  const path = join(root, 'usr', 'bin', 'redis-server');
  if (!existsSync(path)) return [];
  const libraries = [join(root, 'usr', 'lib'), join(root, 'lib')].filter((folder) => existsSync(folder));
  const folders = libraries.flatMap((folder) => [folder, ...multiarch(folder)]);
  const modules = folders.map((folder) => join(folder, 'lua', '5.1', '?.so'));
  return [{ path, env: { LD_LIBRARY_PATH: folders.join(':'), LUA_CPATH: `${modules.join(';')};;` } }];
}

function multiarch(folder) {
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-gnu'))
    .map((name) => join(folder, name));
}

function tryOut(server) {
  const env = { ...process.env, ...server.env };
  const answer = spawnSync(server.path, ['--version'], { env, encoding: 'utf8', timeout: 5_000 });
  const version = / v=(\d+(\.\d+)*)/.exec(answer.stdout ?? '')?.[1];
  return version ? { ...server, version } : undefined;
}

function atLeast(version, [major, minor]) {
  const [ours, sub] = version.split('.').map(Number);
  return ours > major || (ours === major && sub >= minor);
}

/** Beside its final place and then renamed, so that an interrupted download is not taken for a whole one. */
function fetchRedis(cache) {
  const draft = `${cache}.${process.pid}`;
  try {
    // redis-server is only a link into redis-tools.
    unpackWithApt(['redis-server', 'redis-tools'], draft);
    rmSync(cache, { recursive: true, force: true });
    renameSync(draft, cache);
    return 'it does not run here';
  } catch (error) {
    return error.message;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const INSTALL = [
  [['debian', 'ubuntu'], 'apt-get install redis-server'],
  [['fedora', 'rhel', 'centos'], 'dnf install valkey'],
  [['arch'], 'pacman -S valkey'],
  [['suse', 'opensuse'], 'zypper install redis'],
  [['alpine'], 'apk add redis'],
];

function remedy(what) {
  return `${what} Install it with \`${installCommand()}\`, or set REDIS_URL to a server, then run this again.`;
}

function installCommand() {
  if (process.platform === 'darwin') return 'brew install valkey';
  const { id, like } = releaseName();
  const names = [id, ...like.split(' ')];
  const command = INSTALL.find(([systems]) => systems.some((system) => names.includes(system)))?.[1];
  return `${process.getuid?.() === 0 ? '' : 'sudo '}${command ?? 'apt-get install redis-server'}`;
}
