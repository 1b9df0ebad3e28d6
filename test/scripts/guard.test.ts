import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { nodeArgs } from '../../scripts/stack/compiled.ts';

/** Processes with the mark of a guarded command. A process that has ended and was not collected yet has no environment. */
function markedProcesses(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        return variables.includes(`CHECKOUT_GUARD=${mark}`) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });
}

// The mark is read from /proc.
test.runIf(process.platform === 'linux')(
  'when a guarded command is killed with SIGKILL, nothing that it started is left',
  { timeout: 240_000 },
  async () => {
    const { CHECKOUT_GUARD: _ours, ...env } = process.env;
    const command = spawn(process.execPath, nodeArgs('test/helpers/guarded-command.ts'), {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let mark = '';
    try {
      const [line] = (await once(createInterface(command.stdout), 'line')) as [string];
      mark = line;
      expect(mark).toMatch(/^[0-9a-f]{16}$/);
      expect(markedProcesses(mark)).toHaveLength(2);
      const ended = once(command, 'exit');
      command.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      await expect.poll(() => markedProcesses(mark), { timeout: 180_000, interval: 250 }).toEqual([]);
    } finally {
      command.kill('SIGKILL');
      if (mark !== '') for (const pid of markedProcesses(mark)) process.kill(pid, 'SIGKILL');
    }
  },
);
