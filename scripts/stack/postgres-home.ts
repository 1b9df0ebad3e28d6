import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkoutRoot } from './checkout.ts';
import { findPostgres } from './postgres-binaries.mjs';

/** Where a PostgreSQL lives: its programs, its data, and the user that runs it. */
export interface PostgresHome {
  bin: string;
  version: string;
  dataDir: string;
  log: string;
  user: RunUser;
}

/** Root's own files are beyond the user that PostgreSQL runs as; what that user needs is put here. */
const FALLBACK_ROOT = '/var/tmp';

export function preparePostgresHome(wanted: string): PostgresHome {
  const place = resolve(wanted);
  mkdirSync(dirname(place), { recursive: true });
  const user = chooseRunUser(place);
  const { native, version } = findPostgres(checkoutRoot());
  const bin = join(reachableBinaries(native, version, user), 'bin');
  return { bin, version, user, dataDir: reachableData(place, user), log: `${place}.log` };
}

/** Makes an empty folder for the user, whatever stood there before. */
function emptyFolder(folder: string, user: RunUser): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  if (user) chownSync(folder, user.uid, user.gid);
}

/** Where the data of this place really lies. */
export function dataFolderOf(wanted: string): string {
  return linkTarget(resolve(wanted)) ?? resolve(wanted);
}

/** Forgets the data for good, also where it lives outside the checkout. */
export function removeData(wanted: string): void {
  const place = resolve(wanted);
  if (linkTarget(place) === fallbackFolderOf(place)) rmSync(fallbackFolderOf(place), { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
}

function reachableBinaries(native: string, version: string, user: RunUser): string {
  if (canReach(join(native, 'bin'), user)) return native;
  const copy = join(FALLBACK_ROOT, `drover-postgres-${version}-${process.arch}`);
  if (!existsSync(copy)) copyBinaries(native, copy);
  // In a folder that all users write to, only what root made may be run by root.
  if (lstatSync(copy).uid !== 0) throw new Error(`${copy} does not belong to root: delete it, then start again.`);
  return copy;
}

function copyBinaries(native: string, copy: string): void {
  const draft = `${copy}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o755 });
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  chmodSync(draft, 0o755);
  try {
    renameSync(draft, copy);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Two starts at once: the other one's copy is as good.
    if (!existsSync(copy)) throw error;
  }
}

function reachableData(place: string, user: RunUser): string {
  if (canReach(dirname(place), user)) return place;
  const exile = fallbackFolderOf(place);
  if (linkTarget(place) !== exile) {
    if (existsSync(place) && linkTarget(place) === undefined) throw new Error(unreachableMessage(place));
    // No link, so the data there is that of a .drover which has been deleted since.
    rmSync(exile, { recursive: true, force: true });
    rmSync(place, { force: true });
    symlinkSync(exile, place);
  }
  return exile;
}

function unreachableMessage(place: string): string {
  return `PostgreSQL does not run as root, and no other user can enter ${place}. Delete it, or open its parent folders with chmod o+x.`;
}

function linkTarget(place: string): string | undefined {
  return lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(place) : undefined;
}

/** Named for the place, so that a checkout copied with its .drover does not share the original's data. */
function fallbackFolderOf(place: string): string {
  return join(FALLBACK_ROOT, `drover-${createHash('sha256').update(place).digest('hex').slice(0, 16)}`);
}

/** What a data folder is made with, once. */
export interface Cluster {
  superuser: string;
  database: string;
  /** False: do not wait for the disk. */
  sync: boolean;
}

/** Everything happens beside the final place, so that an interrupted first start leaves no half-made cluster. */
export function makeCluster(home: PostgresHome, cluster: Cluster): void {
  if (existsSync(join(home.dataDir, 'PG_VERSION'))) {
    assertSameMajor(home);
    return;
  }
  const draft = `${home.dataDir}.new`;
  emptyFolder(draft, home.user);
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '-E', 'UTF8'];
  const sync = cluster.sync ? [] : ['--no-sync'];
  runProgram(home, 'initdb', ['-D', draft, '-U', cluster.superuser, '-A', 'trust', ...locale, ...sync]);
  runProgram(home, 'postgres', ['--single', '-D', draft, 'postgres'], `create database "${cluster.database}"\n`);
  rmSync(home.dataDir, { recursive: true, force: true });
  renameSync(draft, home.dataDir);
}

function assertSameMajor(home: PostgresHome): void {
  const made = readFileSync(join(home.dataDir, 'PG_VERSION'), 'utf8').trim();
  if (home.version.startsWith(`${made}.`)) return;
  throw new Error(
    `The data in ${home.dataDir} was made by PostgreSQL ${made} and this is ${home.version}. ` +
      'Move the folder away to begin anew, or set DATABASE_URL to a server that can read it.',
  );
}

function runProgram(home: PostgresHome, program: string, args: string[], input = ''): void {
  const done = spawnSync(join(home.bin, program), args, { ...spawnEnvironment(home), input, encoding: 'utf8' });
  if (done.status === 0) return;
  const cause = done.error?.message ?? `${done.stderr}`.trim().split('\n').slice(-5).join('\n');
  throw new Error(`${program} could not prepare the data folder ${home.dataDir}: ${cause}`);
}

/** Not the current folder, which PostgreSQL's user may not enter, and none of the reader's own PG* settings. */
export function spawnEnvironment(home: PostgresHome) {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'));
  return { cwd: '/', env: { ...Object.fromEntries(env), LC_ALL: 'C', TZ: 'UTC' }, ...home.user };
}

/** The user PostgreSQL runs as: undefined is the current one; root must step down, because PostgreSQL refuses to run as root. */
type RunUser = { uid: number; gid: number } | undefined;

/** Data made earlier by an ordinary user stays with that user, so that a later start without root finds it usable. */
function chooseRunUser(dataDir: string): RunUser {
  if (process.getuid?.() !== 0) return undefined;
  const existing = statSync(dataDir, { throwIfNoEntry: false });
  if (existing && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  return lookUp('postgres') ?? lookUp('nobody') ?? { uid: 65_534, gid: 65_534 };
}

function lookUp(name: string): RunUser {
  try {
    return { uid: idOf('-u', name), gid: idOf('-g', name) };
  } catch {
    return undefined;
  }
}

function idOf(flag: string, name: string): number {
  return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

/** Whether the user may walk down to the folder; a checkout under /root (mode 700) is the usual obstacle. */
function canReach(folder: string, user: RunUser): boolean {
  if (!user) return true;
  const here = resolve(folder);
  if (!mayEnter(here, user)) return false;
  return dirname(here) === here || canReach(dirname(here), user);
}

function mayEnter(folder: string, user: { uid: number; gid: number }): boolean {
  const { uid, gid, mode } = statSync(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
