import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startService } from '../../src/cli/commands/up.ts';
import { temporaryFolder } from '../helpers/cli.ts';

/** A checkout whose scripts do what a test wants. */
function checkout(setup: string, start: string): string {
  const root = temporaryFolder();
  mkdirSync(join(root, 'scripts'));
  writeFileSync(join(root, 'package.json'), '{"type": "module"}');
  writeFileSync(join(root, 'scripts', 'setup.mjs'), setup);
  writeFileSync(join(root, 'scripts', 'run.mjs'), start);
  return root;
}

const note = (name: string) => `import { appendFileSync } from 'node:fs';\nappendFileSync('order', '${name} ');\n`;

describe('drover up', () => {
  it('sets up and then starts, as npm start does', async () => {
    const root = checkout(
      note('setup'),
      `${note('start')}process.exitCode = process.argv[2] === 'scripts/start.ts' ? 0 : 9;`,
    );
    expect(await startService(true, root)).toBe(0);
    expect(readFileSync(join(root, 'order'), 'utf8')).toBe('setup start ');
  });

  it('does not start what could not be set up, and says when starting failed', async () => {
    const unready = checkout(`${note('setup')}process.exitCode = 1;`, note('start'));
    expect(await startService(true, unready)).toBe(1);
    expect(readFileSync(join(unready, 'order'), 'utf8')).toBe('setup ');
    expect(await startService(true, checkout('', 'process.exit(7)'))).toBe(1);
  });

  it('passes on an end that is asked of it', async () => {
    const root = checkout(
      '',
      `process.on('SIGTERM', () => process.exit(0));\nsetInterval(() => {}, 1000);\n${note('up')}`,
    );
    const ended = startService(true, root);
    const order = join(root, 'order');
    const isUp = (): boolean => {
      try {
        return readFileSync(order, 'utf8') !== '';
      } catch {
        return false;
      }
    };
    while (!isUp()) await new Promise((done) => setTimeout(done, 20));
    process.emit('SIGTERM', 'SIGTERM');
    expect(await ended).toBe(0);
  });

  it('needs a checkout', async () => {
    await expect(startService(true, tmpdir())).rejects.toMatchObject({ code: 'NOT_A_CHECKOUT', exitCode: 2 });
  });
});
