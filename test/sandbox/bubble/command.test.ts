import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeArgs } from '../../../scripts/stack/compiled.ts';

const folder = mkdtempSync(join(tmpdir(), 'sandbox-cli-'));

afterAll(() => rmSync(folder, { recursive: true }));

function start(...args: string[]) {
  return spawn(process.execPath, nodeArgs('src/sandbox/main.ts', args), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = start(...args);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

describe('the sandbox command', () => {
  it('serves, prints the URL and the counts, and stops on SIGTERM', async () => {
    const manifest = join(folder, 'manifest.json');
    const journal = join(folder, 'journal.jsonl');
    const faults = '[{"fault":"unavailable","nth":2}]';
    const child = start(
      ...['bubble', '--port', '0', '--users', '50', '--manifest', manifest, '--journal', journal, '--faults', faults],
    );
    try {
      let banner = '';
      for await (const chunk of child.stdout) {
        banner += chunk;
        if (banner.includes('control')) break;
      }
      expect(banner).toMatch(/user +50 .*to load/);
      const url = /http:\S+\/api\/1\.1/.exec(banner)?.[0];
      const headers = { authorization: `Bearer ${/admin token +(\S+)/.exec(banner)?.[1]}` };
      const first = await fetch(`${url}/obj/user?limit=1`, { headers });
      expect(await first.json()).toMatchObject({ response: { count: 1, remaining: 49 } });
      expect((await fetch(`${url}/obj/user?limit=1`, { headers })).status).toBe(503);
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
      expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ seed: 7, users: 50 });
      expect(readFileSync(journal, 'utf8').trimEnd().split('\n')).toHaveLength(2);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('writes the CSV files', async () => {
    const { code, out } = await run('bubble-csv', '--out', folder, '--users', '20', '--bom');
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(5);
    expect(readFileSync(join(folder, 'users.csv'), 'utf8')).toMatch(/^\ufeff"email"/);
  });

  it.each([
    [['bubble', '--users', 'many'], 'users'],
    [['bubble', '--faults', '[{"fault":"earthquake"}]'], 'fault'],
    [['bubble-csv'], '--out'],
    [['wizard'], 'wizard'],
  ])('rejects %j with a message', async (args, word) => {
    const { code, err } = await run(...args);
    expect(code).toBe(1);
    expect(err).toContain(word);
    expect(err).not.toMatch(/^\s+at /m);
  });
});
