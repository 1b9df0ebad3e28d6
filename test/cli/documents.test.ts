import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runDrover, temporaryFolder } from '../helpers/cli.ts';
import { completedRun, runView } from '../helpers/run-fixtures.ts';
import { type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

/** Every command line that README.md and docs/*.md show is run, as an operator at a terminal who confirms. */

const root = join(import.meta.dirname, '../..');
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

let service: ScriptedService;

beforeAll(async () => {
  service = await startScriptedService();
  answerAll(service);
});
afterAll(() => service.close());

describe.each(documents)('%s', (document) => {
  const shown = commandsIn(readFileSync(join(root, document), 'utf8'));

  test.each(shown.drover)('drover %s', async (command) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'fields.json'), '{}');
    writeFileSync(join(folder, 'file.json'), '{}');
    mkdirSync(join(folder, 'march'));
    const args = [...words(command)];
    const { code, stderr } = await runDrover(service.url, args, { cwd: folder, ask: async () => 'y', tty: true });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('names scripts of npm that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    expect(shown.npm.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test('commands are found in the documents', () => {
  const all = documents.flatMap((document) => commandsIn(readFileSync(join(root, document), 'utf8')).drover);
  expect(all.length).toBeGreaterThan(60);
  expect(existsSync(join(root, 'scripts/drover.mjs'))).toBe(true);
});

/**
 * What is shown of the command line: lines of blocks of code, and inline code. A command that is only named (`drover cutover`)
 * is no command line; one that is named with anything behind it is.
 */
function commandsIn(text: string): { readonly drover: readonly string[]; readonly npm: readonly string[] } {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block]) => String(block).split('\n'));
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => String(code).replace(/\s+/g, ' '));
  const isNamedOnly = (command: string): boolean =>
    /^[a-z-]+( (rollback|go|abandon|drop-backup|start|status|pause|resume|undo))?$/.test(command);
  const drover = [
    ...blocks.flatMap((line) => /^(?:npx )?drover ([a-z].*?)(?:\s+#.*)?$/.exec(line.trim())?.[1] ?? []),
    ...inline
      .flatMap((code) => /^(?:npx )?drover ([a-z].*)$/.exec(code)?.[1] ?? [])
      .filter((command) => !isNamedOnly(command) && !command.startsWith('…')),
  ];
  const npm = [...blocks, ...inline].flatMap((line) =>
    [...line.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => `${name}`),
  );
  return { drover: [...new Set(drover)], npm: [...new Set(npm)] };
}

const placeholders: Readonly<Record<string, string>> = {
  RUN: 'r1',
  GROUP: 'g1',
  STAMP: '20240115_140000',
  PLAN: 'bubble',
  PLAN_staging: 'bubble_staging',
  NAME: 'bubble',
  ID: '1690x12',
  N: '5',
  '…': 'because',
};

/** The words of a command line, with its placeholders filled in. */
function words(command: string): readonly string[] {
  const found = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  return found.map((word) => placeholders[word] ?? word);
}

/** Answers every request that a documented command makes as a service does with which all is well. */
function answerAll(scripted: ScriptedService): void {
  const run = completedRun({ plan: 'bubble', nextActions: ['replay', 'enqueue', 'validate', 'rollback'] });
  const plans = ['bubble', 'launch', 'catalog', 'bookings', 'crm-contacts'];
  const cutover = {
    ...{ kind: 'cutover', stamp: '20240115_140000', ofStamp: null, plan: 'launch', status: 'done', actor: 'ann' },
    ...{ reason: 'launch', problems: [], warnings: [], tables: [], counts: [], timing: null, carried: 0 },
    ...{ conflicts: [], conflictCount: 0, unplanned: [], nextActions: [], progress: null, restorable: true },
    ...{ bytes: 0, ageSeconds: 1, backup: null },
  };
  const forecast = {
    ...{ kind: 'cutover', carried: 0 },
    plan: { name: 'launch', tables: [], problems: [], warnings: [], items: [], differences: [], sql: '' },
  };
  const rollback = {
    ...{ runId: 'r1', dryRun: false, status: 'done', done: 0, total: 0, removed: 0, restored: 0 },
    ...{ conflicts: [], error: null },
  };
  const validation = { runId: 'r1', at: run.createdAt, dataVersion: '1', stale: false, status: 'green', checks: [] };
  const isDryRun = (body: unknown): boolean => (body as { dryRun?: boolean } | undefined)?.dryRun === true;
  const none = { items: [], nextCursor: null };

  for (const name of ['r1', ...plans]) {
    const path = `/runs/${name}`;
    if (name !== 'r1') scripted.on(`GET ${path}`, () => ({ status: 404, body: {} }));
    else scripted.on(`GET ${path}`, run);
    for (const part of ['failures', 'records', 'history']) scripted.on(`GET ${path}/${part}`, none);
    scripted.on(`GET ${path}/reports`, none);
    scripted.on(`GET ${path}/validation`, validation);
    scripted.on(`GET ${path}/mending`, { runId: 'r1', write: [], remove: [] });
    scripted.on(`POST ${path}/mend`, { written: 0, removed: [], left: [], run });
    scripted.on(`POST ${path}/validate`, validation);
    scripted.on(`POST ${path}/rollback`, ({ body }) => ({ body: { ...rollback, dryRun: isDryRun(body) } }));
    scripted.on(`POST ${path}/failures/g1/replay`, { replayed: 0, run });
    scripted.on(`POST ${path}/records`, { accepted: 1, run });
    for (const action of ['pause', 'resume', 'cancel', 'retry', 'reconcile'])
      scripted.on(`POST ${path}/${action}`, run);
    scripted.on(`PATCH ${path}`, runView({ batchSize: 100 }));
  }
  scripted.on('POST /bookings/link/undo', { dryRun: true, statements: [] });
  scripted.on('POST /bookings/statistics/repair', { targetSchema: 'app', users: 0, differences: [] });
  scripted.on('GET /webhooks', none);
  scripted.on('POST /webhooks/stripe/evt_123/replay', { replayed: true });
  const replayed = { dryRun: true, matched: 0, replayed: 0, withoutPayload: 0, busy: 0 };
  scripted.on('POST /webhooks/replay', replayed);
  scripted.on('POST /webhooks/purge', { dryRun: false, complete: true, events: 0 });
  scripted.on('GET /runs', { items: [run], nextCursor: null });
  scripted.on('POST /runs', run);
  const report = () => ({ headers: { 'content-type': 'text/plain' }, body: 'all is well\n' });
  for (const name of ['users', 'bookings']) scripted.on(`GET /runs/r1/reports/${name}.csv`, report);
  scripted.on('GET /runs/r1/reports/launch_report_STAMP.txt', report);
  const history = {
    ...{ runId: 'r1', entity: 'users', sourceId: '1690x12', status: 'reconciled', stage: 'reconcile', code: null },
    ...{ updatedAt: run.createdAt, stages: [], survivor: null, parent: null, tries: [], notes: [], payload: 'kept' },
    target: null,
  };
  scripted.on('GET /records', { items: [history] });
  const planView = (name: string) => ({
    ...{ name, version: '1.0.0', title: name, description: '', entities: [], steps: {}, rules: [], upstreams: [] },
    ...{ params: {}, settings: [] },
  });
  scripted.on('GET /plans', { items: plans.map(planView) });
  for (const name of plans) scripted.on(`GET /plans/${name}`, planView(name));
  scripted.on('GET //healthz', {});
  scripted.on('GET //readyz', { checks: { postgresql: 'ok', redis: 'ok' } });
  scripted.on('GET /session', { actor: 'ann', role: 'admin', expiresAt: null });
  for (const path of ['/workers', '/queues', '/upstreams', '/keys', '/audit', '/cutovers'])
    scripted.on(`GET ${path}`, none);
  const upstream = {
    ...{ name: 'bubble', maxRps: 5, configuredRps: 5, effectiveRps: null, setBy: null, setAt: null, reason: null },
    ...{ breaker: null, breakerOpenUntil: null, blockedUntil: null, failuresInARow: 0 },
    ...{ usedLastSecond: 0, usedLastMinute: 0, endpoints: [] },
  };
  scripted.on('PATCH /upstreams/bubble', upstream);
  const queue = { name: 'load', paused: false, pausedBy: null, pausedAt: null, reason: null, counts: {} };
  for (const action of ['pause', 'resume']) scripted.on(`POST /queues/load/${action}`, queue);
  scripted.on('POST /keys', { id: 'dk_1a2b', name: 'night shift', role: 'operator', key: 'dk_1a2b.secret' });
  scripted.on('DELETE /keys/dk_1a2b', {});
  const link = {
    ...{ targetSchema: 'public', table: 'public.bookings', state: 'done', pausedIn: null, linked: 1, passed: 1 },
    ...{ estimatedRows: 1, batchSize: 500, hold: null, lastError: null, startedAt: run.createdAt },
    ...{ updatedAt: run.createdAt, finishedAt: run.createdAt },
  };
  scripted.on('GET /bookings/link', link);
  scripted.on('POST /bookings/link', link);
  scripted.on('GET /bookings/link/plan', {
    ...{ table: 'public.bookings', estimatedRows: 1, triggers: [], statements: [], problems: [] },
  });
  scripted.on('GET /bookings/statistics/check', { targetSchema: 'public', users: 1, differences: [] });
  scripted.on('POST /cutovers', ({ body }) => ({ body: isDryRun(body) ? forecast : cutover }));
  const one = '/cutovers/20240115_140000';
  scripted.on(`GET ${one}`, cutover);
  for (const action of ['go', 'abandon', 'drop-backup']) scripted.on(`POST ${one}/${action}`, cutover);
  scripted.on(`POST ${one}/rollback`, ({ body }) => ({
    body: isDryRun(body) ? { ...forecast, kind: 'rollback' } : { ...cutover, kind: 'rollback' },
  }));
}
