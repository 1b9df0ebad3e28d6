import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDrover, temporaryFolder } from '../helpers/cli.ts';
import { completedRun, entityProgress, runView } from '../helpers/run-fixtures.ts';
import { problemReply, type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

let service: ScriptedService;
let folder: string;

beforeEach(async () => {
  service = await startScriptedService();
  folder = temporaryFolder();
});

afterEach(() => service.close());

const csv = (text: string) => () => ({ headers: { 'content-type': 'text/csv' }, body: text });

describe('drover report', () => {
  beforeEach(() => {
    service.on('GET /runs/r1', completedRun());
    service.on('GET /runs/r1/reports', {
      items: [
        { name: 'summary.txt', mediaType: 'text/plain', bytes: 12 },
        { name: 'user_id_mapping.json', mediaType: 'application/json', bytes: 2 },
      ],
    });
    service.on('GET /runs/r1/reports/summary.txt', csv('all\u001b[2J\nwell\n'));
    service.on('GET /runs/r1/reports/user_id_mapping.json', csv('{}'));
  });

  it('lists, prints and saves', async () => {
    expect((await runDrover(service.url, ['report', 'r1'])).stdout).toMatch(/^summary\.txt +text\/plain +12$/m);
    expect((await runDrover(service.url, ['report', 'r1', 'summary.txt'])).stdout).toBe('all\u001b[2J\nwell\n');
    const saved = await runDrover(service.url, ['report', 'r1', '--out', 'out'], { cwd: folder });
    expect(saved.stdout).toBe(`${folder}/out/summary.txt\n${folder}/out/user_id_mapping.json\n`);
    expect(readFileSync(join(folder, 'out', 'summary.txt'), 'utf8')).toBe('all\u001b[2J\nwell\n');
    const modes = readdirSync(join(folder, 'out')).map((name) => statSync(join(folder, 'out', name)).mode & 0o777);
    expect(modes.map((mode) => mode.toString(8))).toEqual(['640', '640']);
    const one = await runDrover(service.url, ['report', 'r1', 'summary.txt', '--out', 'one'], { cwd: folder });
    expect(one.code).toBe(0);
    expect(readdirSync(join(folder, 'one'))).toEqual(['summary.txt']);
  });

  it('escapes control characters on a terminal', async () => {
    const ran = await runDrover(service.url, ['report', 'r1', 'summary.txt'], { tty: true });
    expect(ran.stdout).toBe('all\\u001b[2J\nwell\n');
  });

  it('is one document with --json', async () => {
    const ran = await runDrover(service.url, ['report', 'r1', 'summary.txt', '--json']);
    expect(ran.json()).toEqual({
      run: 'r1',
      name: 'summary.txt',
      mediaType: 'text/csv',
      content: 'all\u001b[2J\nwell\n',
    });
  });

  it('saves the reports that the key may read and names the others', async () => {
    service.on('GET /runs/r1/reports/user_id_mapping.json', () =>
      problemReply(403, 'FORBIDDEN', 'whole records', 'operator'),
    );
    const ran = await runDrover(service.url, ['report', 'r1', '--out', '.'], { cwd: folder });
    expect(ran).toMatchObject({ code: 0, stderr: 'user_id_mapping.json is left out: whole records\n' });
    expect(readdirSync(folder)).toEqual(['summary.txt']);
  });

  it('never writes outside of the folder', async () => {
    for (const name of ['../evil', '/etc/evil', '..', 'a/b']) {
      service.on('GET /runs/r1/reports', { items: [{ name, mediaType: 'text/plain', bytes: 1 }] });
      expect((await runDrover(service.url, ['report', 'r1', '--out', 'out'], { cwd: folder })).code, name).toBe(2);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves no incomplete file, and keeps the older one', async () => {
    writeFileSync(join(folder, 'summary.txt'), 'older');
    service.on('GET /runs/r1/reports/summary.txt', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('half');
      // Broken off once the client writes its file.
      const timer = setInterval(() => {
        if (readdirSync(folder).length === 1) return;
        clearInterval(timer);
        response.destroy();
      }, 10);
      return undefined;
    });
    const ran = await runDrover(service.url, ['report', 'r1', 'summary.txt', '--out', '.'], { cwd: folder });
    expect(ran.code).toBe(3);
    expect(readdirSync(folder)).toEqual(['summary.txt']);
    expect(readFileSync(join(folder, 'summary.txt'), 'utf8')).toBe('older');
  });
});

describe('drover export', () => {
  const entities = { users: entityProgress({ extracted: 2, reconciled: 2 }), bookings: entityProgress() };

  beforeEach(() => {
    service.on('POST /runs', () => ({ status: 202, body: runView({ status: 'pending' }) }));
    service.on('GET /runs/r1', completedRun({ entities }));
    service.on('GET /runs/r1/reports/users.csv', csv('_id\r\n1\r\n2\r\n'));
    service.on('GET /runs/r1/reports/bookings.csv', csv('_id\r\n'));
  });

  it('reads the source and writes a file for each entity', async () => {
    const ran = await runDrover(service.url, ['export', 'bubble', '--since', '2024-01-01'], { cwd: folder });
    expect(ran.code).toBe(0);
    expect(service.received[0]?.body).toEqual({
      plan: 'bubble',
      exportOnly: true,
      since: '2024-01-01T00:00:00.000Z',
    });
    const into = join(folder, 'migration_data');
    expect(readdirSync(into).sort()).toEqual(['bookings.csv', 'users.csv']);
    expect(readFileSync(join(into, 'users.csv'), 'utf8')).toBe('_id\r\n1\r\n2\r\n');
    expect(ran.stdout).toMatch(new RegExp(`^users +2 +${into}/users\\.csv$`, 'm'));
  });

  it('takes the folder from --out or MIGRATION_EXPORT_DIR', async () => {
    const env = { MIGRATION_EXPORT_DIR: join(folder, 'env') };
    await runDrover(service.url, ['export', 'bubble'], { cwd: folder, env });
    const ran = await runDrover(service.url, ['export', 'bubble', '--out', 'out', '--json'], { cwd: folder, env });
    expect(readdirSync(folder).sort()).toEqual(['env', 'out']);
    expect(ran.json<{ files: unknown[] }>().files).toHaveLength(2);
  });

  it('writes no file when the source was not read to its end', async () => {
    service.on('GET /runs/r1', completedRun({ status: 'failed', reason: 'UPSTREAM_UNAUTHORIZED: 401', entities }));
    const ran = await runDrover(service.url, ['export', 'bubble'], { cwd: folder });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('UPSTREAM_UNAUTHORIZED: 401; no file was written');
    expect(readdirSync(folder)).toEqual([]);
  });
});
