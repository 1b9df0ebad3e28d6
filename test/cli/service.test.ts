import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/contract/runs.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { type CommandResult, runDrover, temporaryFolder } from '../helpers/cli.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
let url: string;

beforeAll(async () => {
  service = await startService();
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  service.control.put(runView('r1', 'running'));
  service.control.put(runView('done', 'completed'));
});

afterAll(() => service.stop());

function as(role: Role, ...args: readonly string[]): Promise<CommandResult> {
  return runDrover(url, args, { env: { DROVER_TOKEN: service.keys[role] } });
}

describe('the command line and the service', () => {
  const reason = ['--reason', 'because'] as const;

  it.each<readonly [string, readonly string[]]>([
    [
      'starts a run',
      ['run', 'bubble', '--since', '2024-01-01', '--ids', 'a,b', '--max-failure-percent', '5', '--param', 'a=1'],
    ],
    ['lists runs', ['runs', '--status', 'running', '--plan', 'bubble', '--limit', '100']],
    ['shows a run', ['status', 'r1']],
    ['changes its batches', ['batch-size', 'r1', '5', ...reason]],
    ['lists its records', ['records', 'r1', '--status', 'failed', '--entity', 'users', '--limit', '500']],
    ['lists its failures', ['failures', 'r1']],
    ['replays a group', ['replay', 'r1', 'g1']],
    ['replays all', ['replay', 'r1', '--all', ...reason]],
    ['enqueues', ['enqueue', 'r1', 'users', '--ids', 'a,b']],
    ['validates', ['validate', 'r1']],
    ['shows the last validation', ['validate', 'r1', '--last']],
    ['tries a rollback', ['rollback', 'done', '--dry-run', ...reason]],
    ['rolls back', ['rollback', 'done', '--yes', ...reason]],
    ['lists reports', ['report', 'r1']],
    ['prints a report', ['report', 'r1', 'users.csv']],
    ['pauses', ['pause', 'r1', ...reason]],
    ['resumes', ['resume', 'r1', ...reason]],
    ['retries', ['retry', 'r1']],
    ['cancels', ['cancel', 'r1', ...reason]],
    ['watches to the end', ['watch', 'done']],
    ['lists workers', ['workers']],
    ['lists plans', ['plans']],
    ['lists queues', ['queues']],
    ['pauses a queue', ['queues', 'pause', 'load', ...reason]],
    ['resumes a queue', ['queues', 'resume', 'load', ...reason]],
    ['lists limits', ['limits']],
    ['sets a limit', ['limits', 'bubble', '--rps', '5', ...reason]],
    ['reads the audit log', ['audit', '--limit', '500']],
    ['verifies it', ['audit', '--verify']],
  ])('%s', async (_what, args) => {
    for (const ran of [await as('operator', ...args), await as('operator', ...args, '--json')]) {
      expect(ran.stderr).not.toMatch(/^[A-Z_]+: /m);
      expect(ran.code).toBe(0);
      expect(ran.stdout).not.toBe('');
    }
    const json = await as('operator', ...args, '--json');
    expect(() => json.json()).not.toThrow();
  });

  it('purges and exports a person, for admins', async () => {
    expect((await as('admin', 'purge', '--older-than', '30d', ...reason)).stdout).toBe('nothing to purge\n');
    expect((await as('admin', 'purge', ...reason)).code).toBe(2);
    expect((await as('operator', 'purge', '--run', 'r1', ...reason)).code).toBe(2);
    const file = join(temporaryFolder(), 'jane.json');
    expect((await as('admin', 'person', 'jane@example.com', '--out', file)).code).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ email: 'jane@example.com', records: [] });
    expect((await as('admin', 'person', 'jane@example.com', '--json')).json()).toMatchObject({ rows: [] });
  });

  it('makes keys that work, and ends them', async () => {
    const made = await as('admin', 'keys', 'create', '--name', 'night', '--role', 'viewer', '--expires', '2099-01-01');
    const token = made.stdout.trim();
    expect((await runDrover(url, ['runs'], { env: { DROVER_TOKEN: token } })).code).toBe(0);
    const listed = (await as('admin', 'keys', '--json')).json<{ items: { id: string }[] }>();
    const id = token.split('.')[0] ?? '';
    expect(listed.items.map((key) => key.id)).toContain(id);
    expect((await as('admin', 'keys', 'revoke', id, '--reason', 'over')).code).toBe(0);
    const refused = await runDrover(url, ['runs'], { env: { DROVER_TOKEN: token } });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('DROVER_TOKEN');
  });

  it('exports into files', async () => {
    const folder = temporaryFolder();
    const started = service.control.startRun;
    service.control.startRun = async (input, actor) => {
      const run = await started(input, actor);
      service.control.put({ ...run, status: 'completed' });
      return run;
    };
    const ran = await runDrover(url, ['export', 'bubble'], {
      cwd: folder,
      env: { DROVER_TOKEN: service.keys.operator },
    });
    service.control.startRun = started;
    expect(ran.code).toBe(0);
    expect(readFileSync(join(folder, 'migration_data', 'users.csv'), 'utf8')).toBe('id,name\r\n1,Ada\r\n');
  });

  it('refuses a viewer who wants to change something, and says which role it takes', async () => {
    const ran = await as('viewer', 'pause', 'r1', ...reason);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/^FORBIDDEN: .*operator/);
  });

  it('passes on what the service finds wrong, each thing once', async () => {
    const ran = await as('operator', 'run', 'bubble', '--target-schema', 'No Schema');
    expect(ran.code).toBe(2);
    expect(ran.stderr.match(/targetSchema/g)).toHaveLength(1);
    expect((await as('operator', 'pause', 'nope', ...reason)).stderr).toMatch(/^NOT_FOUND: /);
  });

  it('is examined by the doctor', async () => {
    const ran = await as('viewer', 'doctor');
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^ok {4}postgresql/m);
    expect(ran.stdout).toMatch(/^look {2}key: .* viewer/m);
    expect(ran.stdout).toMatch(/^bad {3}workers: 0 alive/m);
    expect((await runDrover(url, ['doctor'], { env: { DROVER_TOKEN: 'dk_1.wrong' } })).code).toBe(1);
  });
});
