// Makes a fresh checkout runnable: packages, PostgreSQL, Redis. Plain Node without packages, because there are none
// yet; safe to run at any time, and quick when there is nothing to do.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];

async function main() {
  checkNode();
  const { withLock } = await import('./stack/lock.mjs');
  const done = await ensurePackages(withLock);
  await build(done);
  const ready = [await ensurePostgres(), await ensureRedis(withLock, done)];
  const did = done.length > 0 ? `Setup ${done.join(' and ')}; ready with ` : 'Setup had nothing to do; ready with ';
  console.log(`${did}${ready.join(' and ')}.`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(
    `Drover needs Node ${OLDEST_NODE.join('.')} or newer and this is ${process.versions.node}. ` +
      'Install a current one, for example with `nvm install 22` or from https://nodejs.org, then run this again.',
  );
}

async function ensurePackages(withLock) {
  const { installPackages, whyStale } = await import('./stack/packages.mjs');
  if (!whyStale(ROOT)) return [];
  return withLock(join(ROOT, '.drover', 'setup.lock'), () => {
    const reason = whyStale(ROOT);
    if (!reason) return [];
    console.error(`Installing packages with npm ci (${reason}) ...`);
    installPackages(ROOT);
    return ['installed the packages'];
  });
}

async function build(done) {
  const { ensureBuild } = await import('./stack/build.mjs');
  ensureBuild(ROOT, (message) => {
    console.error(message);
    done.push('compiled the sources');
  });
}

async function ensurePostgres() {
  if (process.env.DATABASE_URL || process.env.TEST_DATABASE_URL) return 'the PostgreSQL given by URL';
  const { findPostgres } = await import('./stack/postgres-binaries.mjs');
  return `PostgreSQL ${findPostgres(ROOT).version}`;
}

async function ensureRedis(withLock, done) {
  if (process.env.REDIS_URL || process.env.TEST_REDIS_URL) return 'the Redis given by URL';
  const { findRedis, obtainRedis } = await import('./stack/redis-binaries.mjs');
  const found = findRedis(ROOT) ?? (await withLock(join(ROOT, '.drover', 'setup.lock'), () => obtainRedis(ROOT)));
  if (found.fetched) done.push(`fetched Redis ${found.version} without installing it`);
  return `Redis ${found.version}`;
}

main().catch((error) => {
  console.error(
    error.code === 'EACCES' ? `${error.message}. Make it yours with chown, then run this again.` : error.message,
  );
  process.exitCode = 1;
});
