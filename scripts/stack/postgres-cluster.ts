import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, type PostgresHome } from './postgres-home.ts';

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
