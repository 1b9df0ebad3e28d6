import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkoutRoot } from './checkout.ts';
import { findPostgres } from './postgres-binaries.mjs';
import { canReach, chooseRunUser, type RunUser } from './run-user.ts';

/** Where a PostgreSQL lives: its programs, its data, and the user who runs it. */
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
export function emptyFolder(folder: string, user: RunUser): void {
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
  // In a folder that everybody writes to, only what root made may be run by root.
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
