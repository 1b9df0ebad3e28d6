import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Who PostgreSQL runs as: undefined is whoever we are; root must step down, because PostgreSQL refuses to run as root. */
export type RunUser = { uid: number; gid: number } | undefined;

/** Data made earlier by an ordinary user stays with that user, so that a later start without root finds it usable. */
export function chooseRunUser(dataDir: string): RunUser {
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
export function canReach(folder: string, user: RunUser): boolean {
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
