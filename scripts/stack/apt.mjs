// Plain JavaScript, because scripts/setup.mjs needs it before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export function hasApt() {
  return process.platform === 'linux' && existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');
}

/** "debian-12": packages of one release do not run on another. */
export function releaseName() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), like: field('ID_LIKE'), version: field('VERSION_ID') };
}

/**
 * Unpacks a package and the libraries this system lacks into a folder, without being root and without installing:
 * `apt-get install` would ask for a password, or, as root, start a system service. Package lists of our own, because
 * the system's may be empty (container images) and only root may refresh them.
 */
export function unpackWithApt(packages, folder) {
  const work = join(folder, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'debs'])
    mkdirSync(join(work, part), { recursive: true });
  // Its exit code says nothing: one unreachable third-party source fails it, though Debian's own lists have come.
  const updated = run(work, ['update']);
  const simulated = run(work, ['-s', '--no-install-recommends', 'install', ...packages]);
  const lacking = [...simulated.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1].replace(/:.*/, ''));
  const wanted = new Set([...packages, ...lacking]);
  const downloaded = run(work, ['download', ...wanted]);
  const archives = readdirSync(join(work, 'debs')).filter((name) => name.endsWith('.deb'));
  if (archives.length < wanted.size) throw new Error(unreachable(updated.stderr) ?? lastLine(downloaded.stderr));
  for (const archive of archives) unpack(join(work, 'debs', archive), join(folder, 'root'));
  rmSync(work, { recursive: true, force: true });
}

function run(work, args) {
  const options = {
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const done = spawnSync('apt-get', ['-q', ...flags, ...args], {
    cwd: join(work, 'debs'),
    env,
    encoding: 'utf8',
    timeout: 180_000,
  });
  return { stdout: done.stdout ?? '', stderr: done.stderr || done.error?.message || '' };
}

function unpack(archive, root) {
  const done = spawnSync('dpkg-deb', ['-x', archive, root], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(lastLine(done.stderr || done.error?.message || ''));
}

/** Without fresh lists the later steps only say that there is no such package. */
function unreachable(text) {
  return text.split('\n').find((line) => line.includes('Failed to fetch'));
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) || 'apt-get gave no reason';
}
