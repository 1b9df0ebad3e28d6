import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { whyStale } from '../../scripts/stack/packages.mjs';
import { findRedis } from '../../scripts/stack/redis-binaries.mjs';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(inject('testFolder'), 'setup-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
});

function runSetup(env: Record<string, string>) {
  const script = join(checkoutRoot(), 'scripts', 'setup.mjs');
  return spawnSync(process.execPath, [script], { encoding: 'utf8', env: { ...process.env, ...env } });
}

test('setup says in one sentence that it had nothing to do', () => {
  const { status, stdout, stderr } = runSetup({ DATABASE_URL: '', REDIS_URL: '' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Setup had nothing to do; ready with PostgreSQL \d+\.\d+ and Redis \d+\.\d+\.\d+\.\n$/);
});

test('setup looks for no server that is given by URL', () => {
  const { stdout } = runSetup({
    DATABASE_URL: 'postgres://db.example/x',
    REDIS_URL: 'redis://redis.example',
    PATH: '',
  });
  expect(stdout).toContain('ready with the PostgreSQL given by URL and the Redis given by URL');
});

describe('whyStale', () => {
  const zod = { version: '4.0.0' };
  const otherPlatform = { version: '1.0.0', optional: true };

  function lock(path: string, packages: Record<string, object>): void {
    mkdirSync(join(dir, 'node_modules'), { recursive: true });
    writeFileSync(join(dir, path), JSON.stringify({ packages }));
  }

  test.each([
    ['the same packages', { zod }, { zod }, undefined],
    ["another platform's binaries left out", { zod, otherPlatform }, { zod }, undefined],
    ['another version', { zod }, { zod: { version: '3.9.0' } }, 'node_modules differs from package-lock.json'],
    ['a package left out', { zod }, {}, 'node_modules differs from package-lock.json'],
  ])('%s', (_, wanted, installed, reason) => {
    lock('package-lock.json', { '': { version: '0.1.0' }, ...wanted });
    lock('node_modules/.package-lock.json', installed);
    expect(whyStale(dir)).toBe(reason);
  });

  test('nothing installed, or npm interrupted before it wrote its own lock', () => {
    lock('package-lock.json', { zod });
    expect(whyStale(dir)).toBe('node_modules is missing');
  });
});

// Homebrew's folder is looked into whatever PATH says, and may hold a real one.
describe.skipIf(process.platform === 'darwin')('findRedis', () => {
  function program(name: string, version: string): string {
    const folder = mkdtempSync(join(dir, 'bin-'));
    const script = `#!/bin/sh\necho "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"\n`;
    writeFileSync(join(folder, name), script, { mode: 0o755 });
    return join(folder, name);
  }

  /** Only these programs, and no cache. */
  function onlyOnPath(...programs: string[]): void {
    vi.stubEnv('PATH', programs.map((path) => join(path, '..')).join(':'));
    vi.stubEnv('XDG_CACHE_HOME', join(dir, 'cache'));
  }

  const found = () => findRedis(dir)?.path;

  test('uses a Valkey when there is no Redis', () => {
    const valkey = program('valkey-server', '8.1.0');
    onlyOnPath(valkey);
    expect(found()).toBe(valkey);
  });

  test('prefers 6.2 or newer, and takes 6.0 where it is all there is', () => {
    const [old, current] = [program('redis-server', '6.0.16'), program('redis-server', '7.2.4')];
    onlyOnPath(old, current);
    expect(found()).toBe(current);
    onlyOnPath(old);
    expect(found()).toBe(old);
  });

  test('skips programs that are too old or do not run', () => {
    const broken = program('redis-server', '7.0.0');
    writeFileSync(broken, '#!/bin/sh\nexit 127\n');
    onlyOnPath(program('redis-server', '5.0.14'), broken);
    expect(found()).toBeUndefined();
  });
});
